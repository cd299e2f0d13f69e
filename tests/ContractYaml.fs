/// Reads the subset of YAML that Meta's OpenAPI file is written in: block mappings and sequences, plain and
/// quoted scalars over one or more lines, [] and {}. No anchors, no tags, no block scalars: those fail
/// loudly.
module FunctionalBot.Tests.ContractYaml

open System
open System.Text
open System.Text.Json

/// A node of the file. Scalars keep their text; whether it is a number is for the reader to say.
type Yaml =
    | Scalar of string
    | Mapping of (string * Yaml) list
    | Sequence of Yaml list

/// One line that is not blank: its number, how far it is indented, and the rest.
[<Struct>]
type private Line = {
    Number: int
    Indent: int
    Text: string
}

let private linesOf (text: string) =
    text.Split '\n'
    |> Array.mapi (fun index line ->
        let line = line.TrimEnd()

        {
            Number = index + 1
            Indent = line.Length - line.TrimStart(' ').Length
            Text = line.Trim()
        })
    |> Array.filter (fun line -> line.Text <> "")

let private isItem (text: string) =
    text = "-" || text.StartsWith("- ", StringComparison.Ordinal)

/// Where a quoted text that begins at 0 ends, or -1 if it goes on in the next line.
let private quoteEnd (text: string) =
    let quote = text[0]

    let rec search index =
        if index >= text.Length then
            -1
        elif quote = '"' && text[index] = '\\' then
            search (index + 2)
        elif text[index] <> quote then
            search (index + 1)
        elif quote = '\'' && index + 1 < text.Length && text[index + 1] = quote then
            search (index + 2)
        else
            index

    search 1

/// Splits "key: rest". None for what is no key.
let private keyOf (text: string) =
    if text[0] = '\'' || text[0] = '"' then
        match quoteEnd text with
        | close when close > 0 && close + 1 < text.Length && text[close + 1] = ':' ->
            Some(text.Substring(1, close - 1), text.Substring(close + 2).Trim())
        | _ -> None
    else
        match text.IndexOf(": ", StringComparison.Ordinal) with
        | -1 when text.EndsWith ':' -> Some(text.Substring(0, text.Length - 1), "")
        | -1 -> None
        | index -> Some(text.Substring(0, index), text.Substring(index + 2).Trim())

let private unquote (text: string) =
    let inner = text.Substring(1, text.Length - 2)

    if text[0] = '\'' then
        inner.Replace("''", "'")
    else
        let result = StringBuilder()
        let mutable index = 0

        while index < inner.Length do
            if inner[index] = '\\' && index + 1 < inner.Length then
                match inner[index + 1] with
                | 'n' -> result.Append '\n' |> ignore
                | 't' -> result.Append '\t' |> ignore
                | ' ' -> result.Append ' ' |> ignore
                | 'u' ->
                    result.Append(char (Convert.ToInt32(inner.Substring(index + 2, 4), 16)))
                    |> ignore

                    index <- index + 4
                | other -> result.Append other |> ignore

                index <- index + 2
            else
                result.Append inner[index] |> ignore
                index <- index + 1

        result.ToString()

/// The node that the text of a whole file holds.
let parse (text: string) : Yaml =
    let lines = linesOf text
    let mutable at = 0

    let fail reason =
        failwith $"line %d{lines[min at (lines.Length - 1)].Number}: %s{reason}"

    /// A scalar that begins with `first`, the line at `at` being its first; lines deeper than `indent` go
    /// on with it.
    let scalar indent (first: string) =
        let collected = StringBuilder first
        at <- at + 1

        if first[0] = '\'' || first[0] = '"' then
            while quoteEnd (collected.ToString()) < 0 do
                if at >= lines.Length then
                    fail "a quote is not closed"

                let text = collected.ToString()

                if first[0] = '"' && text.EndsWith '\\' then
                    collected.Length <- collected.Length - 1
                else
                    collected.Append ' ' |> ignore

                collected.Append lines[at].Text |> ignore
                at <- at + 1

            Scalar(unquote (collected.ToString()))
        else
            if "&*!|>%@`".Contains first[0] && not (first.StartsWith "**") then
                fail ("YAML that this reader does not know: " + first)

            while at < lines.Length && lines[at].Indent > indent do
                collected.Append(' ').Append(lines[at].Text) |> ignore
                at <- at + 1

            Scalar(collected.ToString())

    let rec value indent (rest: string) =
        match rest with
        | "[]" ->
            at <- at + 1
            Sequence []
        | "{}" ->
            at <- at + 1
            Mapping []
        | rest -> scalar indent rest

    let rec block () =
        let line = lines[at]

        if isItem line.Text then sequence line.Indent
        elif (keyOf line.Text).IsSome then mapping line.Indent
        else value (line.Indent - 1) line.Text

    and mapping indent =
        let members = ResizeArray()

        while at < lines.Length && lines[at].Indent = indent && not (isItem lines[at].Text) do
            match keyOf lines[at].Text with
            | None -> fail ("no key: " + lines[at].Text)
            | Some(key, "") ->
                at <- at + 1

                if at < lines.Length && lines[at].Indent > indent then
                    members.Add((key, block ()))
                elif at < lines.Length && lines[at].Indent = indent && isItem lines[at].Text then
                    members.Add((key, sequence indent))
                else
                    members.Add((key, Scalar ""))
            | Some(key, rest) -> members.Add((key, value indent rest))

        Mapping(List.ofSeq members)

    and sequence indent =
        let items = ResizeArray()

        while at < lines.Length && lines[at].Indent = indent && isItem lines[at].Text do
            let rest = lines[at].Text.Substring(1).TrimStart()

            if rest = "" then
                at <- at + 1
                items.Add(block ())
            elif isItem rest || (keyOf rest).IsSome then
                // What follows the dash is a block of its own, indented by what stands before it.
                lines[at] <- {
                    lines[at] with
                        Indent = indent + 2
                        Text = rest
                }

                items.Add(block ())
            else
                items.Add(value indent rest)

        Sequence(List.ofSeq items)

    let root = block ()

    if at < lines.Length then
        fail "the file goes on after its end"

    root

/// The member of that name.
let tryField name node =
    match node with
    | Mapping members -> members |> List.tryFind (fun (key, _) -> key = name) |> Option.map snd
    | _ -> None

/// The members of a mapping, the items of a sequence; none for anything else.
let members node =
    match node with
    | Mapping members -> members
    | _ -> []

/// The items of a sequence.
let items node =
    match node with
    | Sequence items -> items
    | _ -> []

/// The text of a scalar.
let text node =
    match node with
    | Scalar text -> Some text
    | _ -> None

/// The node as JSON, all scalars as texts.
let rec toJson node : System.Text.Json.Nodes.JsonNode =
    match node with
    | Scalar text -> nonNull (System.Text.Json.Nodes.JsonValue.Create text)
    | Sequence items -> System.Text.Json.Nodes.JsonArray [| for item in items -> toJson item |]
    | Mapping members ->
        let result = System.Text.Json.Nodes.JsonObject()

        for key, value in members do
            result[key] <- toJson value

        result

/// The same tree from a file that is written in JSON.
let ofJson (document: string) : Yaml =
    let rec node (element: JsonElement) : Yaml =
        match element.ValueKind with
        | JsonValueKind.Object ->
            Mapping [ for field in element.EnumerateObject() -> field.Name, node field.Value ]
        | JsonValueKind.Array -> Sequence [ for item in element.EnumerateArray() -> node item ]
        | JsonValueKind.String -> Scalar(string element)
        | _ -> Scalar(element.GetRawText())

    use parsed = JsonDocument.Parse document
    node parsed.RootElement
