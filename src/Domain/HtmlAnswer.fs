namespace FunctionalBot.Domain

open System
open System.Net
open System.Text

/// Something that was opened in the text and is not closed yet.
type private OpenElement = {
    Name: string
    /// Where its content begins in what was written so far.
    Start: int
    Address: string option
}

/// The Markdown that is being written, and what is open in it.
type private Writing() =
    member val Text = StringBuilder()
    /// Innermost first.
    member val Open: OpenElement list = [] with get, set
    /// The lists that are open, innermost first; a number for one that counts.
    member val Lists: int option list = [] with get, set
    member val IsInRow = false with get, set

/// Language models write HTML between their Markdown. It becomes Markdown here, which is all that is understood
/// further on: emphasis, code, links, lists, headings, tables, entities. What has no like in Markdown is left out
/// with its words kept, scripts and styles without them. Total: what is no HTML stays as it is.
module HtmlAnswer =
    open HtmlElements

    /// More than these in one another are left alone.
    let private deepest = 50

    let private isOpen name (writing: Writing) =
        writing.Open |> List.exists (fun element -> element.Name = name)

    let private isInCode (writing: Writing) =
        writing.Open
        |> List.exists (fun element -> element.Name = "pre" || isCode element.Name)

    let private endsWith (ending: string) (text: StringBuilder) =
        text.Length >= ending.Length
        && text.ToString(text.Length - ending.Length, ending.Length) = ending

    let private freshLine (writing: Writing) =
        let text = writing.Text

        if writing.IsInRow then
            text.Append ' ' |> ignore
        else
            while text.Length > 0 && (text[text.Length - 1] = ' ' || text[text.Length - 1] = '\t') do
                text.Length <- text.Length - 1

            if text.Length > 0 && text[text.Length - 1] <> '\n' then
                text.Append '\n' |> ignore

    let private freshParagraph (writing: Writing) =
        freshLine writing

        if
            not writing.IsInRow
            && writing.Text.Length > 0
            && not (endsWith "\n\n" writing.Text)
        then
            writing.Text.Append '\n' |> ignore

    /// Takes back what was written since, and gives it.
    let private takeSince start (writing: Writing) : string =
        let start = min start writing.Text.Length
        let taken = writing.Text.ToString(start, writing.Text.Length - start)
        writing.Text.Length <- start
        taken

    /// Writes what an element makes of its content, now that it ends.
    let private finish (element: OpenElement) (writing: Writing) =
        let content = takeSince element.Start writing
        let write (text: string) = writing.Text.Append text |> ignore

        match element.Name with
        | "a" -> write (linked (Option.defaultValue "" element.Address) content)
        | "pre" ->
            let code = content.Trim('\n').Replace("```", "'''")
            write ("```\n" + code + "\n```\n")
        | "blockquote" ->
            write (quote content)
            freshParagraph writing
        | name when isHeading name ->
            match oneLine content with
            | "" -> ()
            | words -> write ("# " + words)

            freshParagraph writing
        | name when isCode name -> write (codeSpan content)
        | name ->
            match markOf name with
            | Some mark when not (isInCode writing) -> write (emphasised mark content)
            | _ -> write content

    /// Ends the innermost element of the name, and all that was left open in it.
    let rec private close name (writing: Writing) =
        match writing.Open with
        | element :: others ->
            writing.Open <- others
            finish element writing

            if element.Name <> name then
                close name writing
        | [] -> ()

    let private isTracked name =
        name = "a"
        || name = "pre"
        || name = "blockquote"
        || isHeading name
        || isCode name
        || (markOf name).IsSome

    /// Whether the element changes nothing where it stands: within its like, or within code.
    let private isNeedless name (writing: Writing) =
        let isSame (element: OpenElement) =
            element.Name = name
            || (markOf name).IsSome && markOf element.Name = markOf name
            || isHeading name && isHeading element.Name

        writing.Open.Length >= deepest
        || isInCode writing
        || List.exists isSame writing.Open

    let private beginTracked (tag: HtmlTag) (writing: Writing) =
        if not (isNeedless tag.Name writing) then
            if tag.Name = "pre" || tag.Name = "blockquote" || isHeading tag.Name then
                freshParagraph writing

            writing.Open <-
                {
                    Name = tag.Name
                    Start = writing.Text.Length
                    Address = tag.Address
                }
                :: writing.Open

    let private item (writing: Writing) =
        freshLine writing
        let indent = String(' ', 2 * (min 4 (max 1 writing.Lists.Length) - 1))

        match writing.Lists with
        | Some number :: others ->
            writing.Lists <- Some(number + 1) :: others
            writing.Text.Append(indent).Append(number).Append(". ") |> ignore
        | _ -> writing.Text.Append(indent).Append("- ") |> ignore

    let private endRow (writing: Writing) =
        if writing.IsInRow then
            writing.IsInRow <- false
            writing.Text.Append(" |\n") |> ignore

    let private picture (tag: HtmlTag) =
        let words = tag.Alternative |> Option.defaultValue ""

        tag.Address
        |> Option.map (fun address -> linked address words)
        |> Option.defaultValue words

    /// What a tag does. False for one that is not known, which stays as text.
    let private apply (tag: HtmlTag) (writing: Writing) : bool =
        let isKnown = ref true

        match tag.Name, tag.IsClosing with
        | "br", _ ->
            (if writing.IsInRow then
                 writing.Text.Append ' '
             else
                 writing.Text.Append '\n')
            |> ignore
        | "img", false -> writing.Text.Append(picture tag) |> ignore
        | "img", true -> ()
        | ("ul" | "ol" | "menu"), false ->
            (if writing.Lists.IsEmpty then freshParagraph else freshLine) writing

            if writing.Lists.Length < deepest then
                writing.Lists <- (if tag.Name = "ol" then Some 1 else None) :: writing.Lists
        | ("ul" | "ol" | "menu"), true ->
            writing.Lists <- (if writing.Lists.IsEmpty then [] else writing.Lists.Tail)
            (if writing.Lists.IsEmpty then freshParagraph else freshLine) writing
        | "li", false -> item writing
        | "li", true -> freshLine writing
        | "table", _ ->
            endRow writing
            freshParagraph writing
        | "tr", false ->
            endRow writing
            freshLine writing
        | "tr", true -> endRow writing
        | ("td" | "th"), false ->
            if not writing.IsInRow then
                freshLine writing
                writing.IsInRow <- true

            writing.Text.Append "| " |> ignore
        | ("td" | "th"), true -> writing.Text.Append ' ' |> ignore
        | name, false when isTracked name -> beginTracked tag writing
        | name, true when isTracked name ->
            if isOpen name writing then
                close name writing
        | name, _ when paragraphs.Contains name -> freshParagraph writing
        | name, _ when lines.Contains name -> freshLine writing
        | name, _ -> isKnown.Value <- plain.Contains name || silent.Contains name

        isKnown.Value

    /// Where what is left out with its content ends: behind the closing tag, or behind the tag where there is none.
    let private behindSilent (text: string) (tag: HtmlTag) =
        match text.IndexOf("</" + tag.Name, tag.Next, StringComparison.OrdinalIgnoreCase) with
        | -1 -> tag.Next
        | close ->
            match text.IndexOf('>', close) with
            | -1 -> text.Length
            | ending -> ending + 1

    /// What a decoded sign looks like in Markdown, so that it marks up nothing.
    let private literally (writing: Writing) (decoded: string) =
        if isInCode writing then
            decoded
        else
            let sign unit =
                if unit = '|' && writing.IsInRow then
                    "/"
                elif "\\`*_~[]<>|#".Contains(unit: char) then
                    "\\" + string unit
                else
                    string unit

            String.collect sign decoded

    /// The entity that begins here as what it stands for, and the index behind it.
    let private entity (text: string) start : (string * int) option =
        match text.IndexOf(';', start, min 12 (text.Length - start)) with
        | -1 -> None
        | ending ->
            let written = text.Substring(start, ending - start + 1)

            match WebUtility.HtmlDecode written with
            | null -> None
            | decoded when decoded = written || decoded.Length > 2 -> None
            | "\u00A0" -> Some(" ", ending + 1)
            | decoded when
                Seq.exists (fun unit -> Char.IsControl unit && unit <> '\n' && unit <> '\t') decoded
                ->
                Some("", ending + 1)
            | decoded -> Some(decoded, ending + 1)

    /// Where the Markdown code that opens here with backticks ends; what is in it is no HTML.
    let private behindCode (text: string) start =
        let mutable ticks = 0

        while start + ticks < text.Length && text[start + ticks] = '`' do
            ticks <- ticks + 1

        match text.IndexOf(String('`', ticks), start + ticks, StringComparison.Ordinal) with
        | -1 when ticks >= 3 -> text.Length
        | -1 -> start + ticks
        | close -> close + ticks

    let private convert (text: string) : string =
        let writing = Writing()

        let copy start ending =
            writing.Text.Append(text, start, ending - start) |> ignore

        /// Takes what stands at the index, and gives the index behind it.
        let tagged index =
            let isAt (start: string) =
                String.Compare(text, index, start, 0, start.Length, StringComparison.OrdinalIgnoreCase) = 0

            let behind (ending: string) =
                match text.IndexOf(ending, index, StringComparison.Ordinal) with
                | -1 -> None
                | found -> Some(found + ending.Length)

            let leftOut =
                if isAt "<!--" then behind "-->"
                elif isAt "<!doctype" then behind ">"
                else None

            match leftOut, HtmlTag.tryRead text index with
            | Some next, _ -> next
            | None, Some tag when silent.Contains tag.Name ->
                if tag.IsClosing then tag.Next else behindSilent text tag
            | None, Some tag when apply tag writing -> tag.Next
            | None, _ ->
                copy index (index + 1)
                index + 1

        let take index =
            match text[index] with
            | '`' when not (isInCode writing) ->
                let next = behindCode text index
                copy index next
                next
            | '\\' when index + 1 < text.Length && not (isInCode writing) ->
                copy index (index + 2)
                index + 2
            | '&' ->
                match entity text index with
                | Some(decoded, next) ->
                    writing.Text.Append(literally writing decoded) |> ignore
                    next
                | None ->
                    copy index (index + 1)
                    index + 1
            | '<' -> tagged index
            | '\n' when writing.IsInRow ->
                writing.Text.Append ' ' |> ignore
                index + 1
            | _ ->
                copy index (index + 1)
                index + 1

        let mutable index = 0

        while index < text.Length do
            index <- take index

        endRow writing
        close "" writing
        writing.Text.ToString()

    /// The answer as Markdown alone. One without a sign of HTML is given back as it is.
    let toMarkdown (answer: string) : string =
        if answer.Contains '<' || answer.Contains '&' then
            (convert answer).Trim()
        else
            answer
