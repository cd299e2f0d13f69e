namespace FunctionalBot.Domain

open System
open System.Globalization
open System.Text

/// Text that a person typed, or that came from a person's telephone: without what cannot be seen and only changes how
/// the rest is taken.
module TypedText =
    let private invisible (rune: Rune) =
        match Rune.GetUnicodeCategory rune with
        | UnicodeCategory.Control
        | UnicodeCategory.Format
        | UnicodeCategory.Surrogate
        | UnicodeCategory.PrivateUse -> true
        | _ -> false

    /// Holds the parts of an emoji together, and letters of some scripts apart.
    let private isJoiner (rune: Rune) =
        rune.Value = 0x200C || rune.Value = 0x200D

    let private without (isLeftOut: Rune -> bool) (text: string) =
        let kept = StringBuilder text.Length

        for rune in text.EnumerateRunes() do
            if rune.Value = int '\n' || not (isLeftOut rune) then
                kept.Append(rune.ToString()) |> ignore
            elif rune.Value = int '\t' || rune.Value = int '\r' then
                kept.Append ' ' |> ignore

        kept.ToString().Trim()

    /// Without control and direction characters (line breaks stay) and without white space at the ends. The
    /// joiners that hold an emoji together go too, which changes how an emoji looks and never what a word
    /// says.
    let clean (text: string) : string = without invisible text

    /// The same for eyes only: joiners stay, so that an emoji looks as it was sent. What turns the direction of
    /// writing goes, so that "fdp.exe" cannot pass for "exe.pdf".
    let shown (text: string) : string =
        text |> without (fun rune -> invisible rune && not (isJoiner rune))

    /// `shown` on one line: line breaks and runs of spaces become one space.
    let shownOnOneLine (text: string) : string =
        (shown text).Split([| '\n'; ' '; '\u2028'; '\u2029' |], StringSplitOptions.RemoveEmptyEntries)
        |> String.concat " "

    /// The text as far as so many UTF-16 units reach, never half of a sign that takes two.
    let beginning (longest: int) (text: string) : string =
        if text.Length <= longest then
            text
        elif longest > 0 && Char.IsHighSurrogate text[longest - 1] then
            text.Substring(0, longest - 1)
        else
            text.Substring(0, longest)

    /// True where nothing can be seen of it.
    let isBlank (text: string) : bool =
        text.EnumerateRunes()
        |> Seq.forall (fun rune -> Rune.IsWhiteSpace rune || invisible rune)

    /// True where there is a letter or a digit in it.
    let hasWord (text: string) : bool =
        let mutable found = false

        for rune in text.EnumerateRunes() do
            found <- found || Rune.IsLetterOrDigit rune

        found
