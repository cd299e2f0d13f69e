namespace FunctionalBot.Effects

open System
open System.Globalization
open System.Text

/// WhatsApp's own markup: *bold*, _italic_, ~struck~, `mono`, ```mono block```, "- " lists, "> " quotes. A
/// marker works at the border of a word and, all but the block, within one line.
module WhatsAppMarkup =
    let private separator = "\u200B"
    let private markers = "*_~`"

    let private isWordUnit unit =
        Char.IsLetterOrDigit unit || Char.IsSurrogate unit

    let private isMark unit =
        match Char.GetUnicodeCategory unit with
        | UnicodeCategory.NonSpacingMark
        | UnicodeCategory.EnclosingMark
        | UnicodeCategory.SpacingCombiningMark -> true
        | _ -> false

    /// True where the unit could begin or end markup. A marker within a word ("ana_maria") is none, nor is
    /// one that is part of an emoji (the keycap asterisk).
    let private couldFormat (text: string) index =
        let isBefore = index > 0 && isWordUnit text[index - 1]
        let isAfter = index + 1 < text.Length && isWordUnit text[index + 1]

        markers.Contains text[index]
        && not (isBefore && isAfter)
        && not (index + 1 < text.Length && isMark text[index + 1])

    /// Shows a text as its writer typed it: invisible spaces (U+200B) keep its asterisks and the like from
    /// formatting anything. WhatsApp has no documented escape, so nothing important rests on this: what a
    /// person wrote always stands on a line without markup of ours. A text that would grow by more than 40
    /// units stays as it is.
    let literal (text: string) : string =
        let result = StringBuilder text.Length

        for index in 0 .. text.Length - 1 do
            let unit = text[index]
            let atLineStart = index = 0 || text[index - 1] = '\n'

            if couldFormat text index then
                if index > 0 && not (Char.IsWhiteSpace text[index - 1]) then
                    result.Append separator |> ignore

                result.Append(unit).Append(separator) |> ignore
            else
                if atLineStart && (unit = '>' || unit = '-') then
                    result.Append separator |> ignore

                result.Append unit |> ignore

        if result.Length - text.Length > 40 then
            text
        else
            result.ToString()
