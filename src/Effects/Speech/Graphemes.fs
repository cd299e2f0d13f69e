namespace FunctionalBot.Effects

open System
open System.Globalization

/// Shortening texts where a reader would, never inside what a reader sees as one character (a grapheme: a
/// flag, a family emoji, a letter with its marks). Lengths are UTF-16 units, the strictest way in which
/// WhatsApp could count. .NET's own segmentation is used; it works without culture data too
/// (InvariantGlobalization).
module Graphemes =
    /// What ends a text that was cut.
    let ellipsis = "…"

    /// The longest start of the text of at most `room` units that ends between graphemes. Where the first
    /// grapheme alone is longer (a letter under hundreds of marks), the start ends between code points
    /// instead.
    let start (room: int) (text: string) : string =
        if text.Length <= room then
            text
        else
            let rec fit index =
                let next = index + StringInfo.GetNextTextElementLength(text, index)
                if next <= room then fit next else index

            match fit 0 with
            | 0 when room <= 0 -> ""
            | 0 when Char.IsHighSurrogate text[room - 1] -> text.Substring(0, room - 1)
            | 0 -> text.Substring(0, room)
            | border -> text.Substring(0, border)

    /// The text, or its longest start with "…" in at most `limit` units.
    let cut (limit: int) (text: string) : string =
        if text.Length <= limit then text
        elif limit <= 0 then ""
        else (start (limit - 1) text).TrimEnd() + ellipsis

    let private endsSentence (text: string) index =
        Char.IsWhiteSpace text[index]
        && (text[index] = '\n' || (index > 0 && ".!?…".Contains text[index - 1]))

    /// Like `cut`, but ends after a sentence where one ends in the last two fifths, else after a word where
    /// one ends in the last fifth.
    let cutAtSentence (limit: int) (text: string) : string =
        if text.Length <= limit then
            text
        else
            let fitting = start (limit - 1) text
            let borders = StringInfo.ParseCombiningCharacters fitting

            let last earliest isEnd =
                borders |> Array.tryFindBack (fun index -> index >= earliest && isEnd index)

            let sentence = last (limit * 3 / 5) (endsSentence fitting)

            let border =
                match sentence with
                | Some index -> Some index
                | None -> last (limit * 4 / 5) (fun index -> Char.IsWhiteSpace fitting[index])

            match border with
            | Some index -> fitting.Substring(0, index).TrimEnd() + ellipsis
            | None -> cut limit text
