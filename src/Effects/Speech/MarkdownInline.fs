namespace FunctionalBot.Effects

open System
open System.Text

/// What stands within one line of Markdown: emphasis, code, links, escapes.
module internal MarkdownInline =
    let private isWord unit = Char.IsLetterOrDigit unit

    let private isSign unit =
        Char.IsPunctuation unit || Char.IsSymbol unit

    /// How many times the unit at the index is repeated there.
    let runLength (text: string) index =
        let mutable last = index

        while last < text.Length && text[last] = text[index] do
            last <- last + 1

        last - index

    /// Where the code span that opens here with `ticks` backticks closes.
    let private codeEnd (text: string) index ticks =
        let rec search at =
            match text.IndexOf('`', min at text.Length) with
            | -1 -> None
            | found when runLength text found = ticks -> Some found
            | found -> search (found + runLength text found)

        search (index + ticks)

    /// Where the emphasis that opens here with `size` marks closes. A run of three also ends what is nested
    /// in it.
    let private emphasisEnd (text: string) index size =
        let mark = text[index]

        let rec search at =
            if at >= text.Length then
                None
            else
                match text[at] with
                | '\\' -> search (at + 2)
                | '`' ->
                    let ticks = runLength text at

                    match codeEnd text at ticks with
                    | Some close -> search (close + ticks)
                    | None -> search (at + ticks)
                | unit when unit = mark ->
                    let run = runLength text at
                    let after = at + run

                    let closes =
                        (run = size || (run = 3 && size < 3))
                        && not (Char.IsWhiteSpace text[at - 1])
                        && (mark <> '_' || after >= text.Length || not (isWord text[after]))

                    if closes && at > index + size then
                        Some(after - size)
                    else
                        search after
                | _ -> search (at + 1)

        search (index + size)

    let private opens (text: string) index size =
        let after = index + size

        after < text.Length
        && not (Char.IsWhiteSpace text[after])
        && (text[index] <> '_' || index = 0 || not (isWord text[index - 1]))

    /// The parts of "[words](address)" that opens here, and where it ends. An address may hold pairs of
    /// parentheses.
    let private link (text: string) index =
        match text.IndexOf("](", min index text.Length, StringComparison.Ordinal) with
        | -1 -> None
        | middle when text.IndexOf('[', index + 1, middle - index - 1) >= 0 -> None
        | middle ->
            let rec close at depth =
                if at >= text.Length || Char.IsControl text[at] then None
                elif text[at] = '(' then close (at + 1) (depth + 1)
                elif text[at] = ')' && depth = 0 then Some at
                elif text[at] = ')' then close (at + 1) (depth - 1)
                else close (at + 1) depth

            close (middle + 2) 0
            |> Option.map (fun last ->
                let words = text.Substring(index + 1, middle - index - 1)
                // A title in quotes may follow the address.
                let address = text.Substring(middle + 2, last - middle - 2).Trim().Split(' ')[0]
                words, address, last + 1)

    /// WhatsApp's markers around words, unless they would stand within a word, where WhatsApp shows them as
    /// they are.
    let private wrap (text: string) first last marker (inner: string) =
        let withinWord =
            (first > 0 && isWord text[first - 1])
            || (last < text.Length && isWord text[last])

        if withinWord || inner.Trim() = "" then
            inner
        else
            String.Concat(marker, inner, marker)

    /// One line. `bold` tells that the line is bold already.
    let rec inlineText (bold: bool) (text: string) : string =
        let result = StringBuilder text.Length

        let rec copy index =
            if index < text.Length then
                match text[index] with
                | '\\' when
                    index + 1 < text.Length
                    && Char.IsAscii text[index + 1]
                    && isSign text[index + 1]
                    ->
                    result.Append text[index + 1] |> ignore
                    copy (index + 2)
                | '`' -> code index
                | '*'
                | '_'
                | '~' -> emphasis index
                | '!' when
                    index + 1 < text.Length
                    && text[index + 1] = '['
                    && (link text (index + 1)).IsSome
                    ->
                    copy (index + 1)
                | '[' -> linked index
                | '<' -> angled index
                | unit ->
                    result.Append unit |> ignore
                    copy (index + 1)

        and code index =
            let ticks = runLength text index

            match codeEnd text index ticks with
            | Some close ->
                let inner = text.Substring(index + ticks, close - index - ticks)
                let marker = if inner.Contains '`' then "```" else "`"
                result.Append(marker).Append(inner.Trim()).Append(marker) |> ignore
                copy (close + ticks)
            | None ->
                result.Append('`', ticks) |> ignore
                copy (index + ticks)

        and emphasis index =
            let run = runLength text index
            let mark = text[index]
            let size = if mark = '~' then 2 else min run 3

            let closing =
                if run <= 3 && run >= size && opens text index size then
                    emphasisEnd text index size
                else
                    None

            match closing with
            | Some close ->
                let makesBold = mark <> '~' && size >= 2
                let inner = text.Substring(index + size, close - index - size)
                let inner = inlineText (bold || makesBold) inner

                let marked =
                    match mark, size with
                    | '~', _ -> wrap text index (close + size) "~" inner
                    | _, 1 -> wrap text index (close + size) "_" inner
                    | _, 2 when bold -> inner
                    | _, 2 -> wrap text index (close + size) "*" inner
                    | _ when bold -> wrap text index (close + size) "_" inner
                    | _ -> wrap text index (close + size) "*" (wrap inner 0 inner.Length "_" inner)

                result.Append marked |> ignore
                copy (close + size)
            | None ->
                result.Append(mark, run) |> ignore
                copy (index + run)

        and linked index =
            match link text index with
            | Some(words, address, next) ->
                let shown = inlineText bold words

                let both =
                    if address = "" then shown
                    elif shown.Trim() = "" || shown = address then address
                    else shown + " (" + address + ")"

                result.Append both |> ignore
                copy next
            | None ->
                result.Append '[' |> ignore
                copy (index + 1)

        and angled index =
            match text.IndexOf('>', index) with
            | close when close > index ->
                let inner = text.Substring(index + 1, close - index - 1)

                match inner.TrimEnd('/', ' ').ToLowerInvariant() with
                | "br" ->
                    result.Append '\n' |> ignore
                    copy (close + 1)
                | word when word.StartsWith "http" || (word.Contains '@' && not (word.Contains ' ')) ->
                    result.Append inner |> ignore
                    copy (close + 1)
                | _ ->
                    result.Append '<' |> ignore
                    copy (index + 1)
            | _ ->
                result.Append '<' |> ignore
                copy (index + 1)

        copy 0
        result.ToString()
