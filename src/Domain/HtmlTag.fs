namespace FunctionalBot.Domain

open System

/// A tag as it stands in a text.
type internal HtmlTag = {
    /// In lower case.
    Name: string
    IsClosing: bool
    /// Of `href` or `src`, as written.
    Address: string option
    /// Of `alt`.
    Alternative: string option
    /// The index behind the tag.
    Next: int
}

/// Reads single tags. Whatever is none stays text.
module internal HtmlTag =
    /// Longer ones are no tags.
    let private longest = 2048

    let private isNameUnit (unit: char) = Char.IsAsciiLetterOrDigit unit

    let private skip accept (text: string) start =
        let mutable at = start

        while at < text.Length && accept text[at] do
            at <- at + 1

        at

    /// The value that begins here, and the index behind it.
    let private value (text: string) start =
        if start < text.Length && (text[start] = '"' || text[start] = '\'') then
            match text.IndexOf(text[start], start + 1) with
            | -1 -> None
            | close -> Some(text.Substring(start + 1, close - start - 1), close + 1)
        else
            let ending =
                skip (fun unit -> not (Char.IsWhiteSpace unit) && unit <> '>') text start

            Some(text.Substring(start, ending - start), ending)

    /// The attributes from here to the tag's end, and the index behind that.
    let rec private attributes (text: string) start (found: (string * string) list) =
        let at = skip (fun unit -> Char.IsWhiteSpace unit || unit = '/') text start

        if at >= text.Length then
            None
        elif text[at] = '>' then
            Some(found, at + 1)
        else
            let nameEnd =
                skip (fun unit -> not (Char.IsWhiteSpace unit) && not ("=>/".Contains unit)) text at

            let name = text.Substring(at, nameEnd - at).ToLowerInvariant()
            let afterName = skip Char.IsWhiteSpace text nameEnd

            if afterName < text.Length && text[afterName] = '=' then
                match value text (skip Char.IsWhiteSpace text (afterName + 1)) with
                | Some(value, next) -> attributes text next ((name, value) :: found)
                | None -> None
            elif nameEnd = at then
                None
            else
                attributes text nameEnd found

    /// The tag that begins at the index of a "<". None where there is none.
    let tryRead (text: string) (start: int) : HtmlTag option =
        let isClosing = start + 1 < text.Length && text[start + 1] = '/'
        let nameStart = if isClosing then start + 2 else start + 1
        let nameEnd = skip isNameUnit text nameStart

        let follows =
            nameEnd < text.Length
            && (text[nameEnd] = '>' || text[nameEnd] = '/' || Char.IsWhiteSpace text[nameEnd])

        if nameEnd = nameStart || not (Char.IsAsciiLetter text[nameStart]) || not follows then
            None
        else
            let window = text.Substring(start, min longest (text.Length - start))

            attributes window (nameEnd - start) []
            |> Option.map (fun (found, next) ->
                let attribute names =
                    found
                    |> List.tryFind (fun (name, _) -> List.contains name names)
                    |> Option.map snd

                {
                    Name = text.Substring(nameStart, nameEnd - nameStart).ToLowerInvariant()
                    IsClosing = isClosing
                    Address = attribute [ "href"; "src" ]
                    Alternative = attribute [ "alt" ]
                    Next = start + next
                })
