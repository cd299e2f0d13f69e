namespace FunctionalBot.Effects

open System

/// Cutting a text where a reader would.
module Excerpt =

    /// Whether position `index` of the text ends a sentence: after ".", "!" or "?" with white space behind,
    /// or at a line's end. "5.90" and "example.com" have no space behind, so they end none.
    let private endsSentence (text: string) (index: int) =
        let letter = text[index]

        if letter = '\n' then
            true
        else
            (letter = '.' || letter = '!' || letter = '?' || letter = '…')
            && (index + 1 = text.Length || Char.IsWhiteSpace text[index + 1])

    /// The text within `limit` UTF-16 units: whole sentences where at least a third of the limit is used by
    /// them, else whole words with "…" behind. A text that fits is only trimmed.
    let cut (limit: int) (text: string) : string =
        let text = text.Trim()

        if text.Length <= limit then
            text
        else
            let sentenceEnd =
                seq { limit - 1 .. -1 .. limit / 3 } |> Seq.tryFind (endsSentence text)

            match sentenceEnd with
            | Some index -> text.Substring(0, index + 1).TrimEnd()
            | None ->
                let head = Graphemes.start (limit - 1) text

                match head.LastIndexOf ' ' with
                | space when space >= limit / 3 -> head.Substring(0, space).TrimEnd() + "…"
                | _ -> head + "…"
