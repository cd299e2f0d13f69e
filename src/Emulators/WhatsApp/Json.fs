namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Globalization
open System.Text
open System.Text.Json

/// A JSON value that cannot change, so that it may be stored, compared and shown to several threads.
/// Numbers keep the text they were written with; objects keep the order of their fields.
[<RequireQualifiedAccess>]
type Json =
    | Null
    | Flag of bool
    | Number of text: string
    | Text of string
    | List of Json list
    | Object of (string * Json) list

/// Builds, reads and writes `Json`.
[<RequireQualifiedAccess>]
module Json =

    /// A whole number.
    let whole (value: int64) =
        Json.Number(value.ToString CultureInfo.InvariantCulture)

    /// A number with a fraction.
    let fraction (value: float) =
        Json.Number(value.ToString("R", CultureInfo.InvariantCulture))

    /// An object of the fields that are there: `None` leaves its field out.
    let sparse (fields: (string * Json option) list) =
        Json.Object(
            fields
            |> List.choose (fun (name, value) -> value |> Option.map (fun v -> name, v))
        )

    /// The field `name` of an object; `None` when it is missing, null, or the value is no object.
    let field name value =
        match value with
        | Json.Object fields ->
            fields
            |> List.tryFindBack (fun (key, _) -> key = name)
            |> Option.map snd
            |> Option.filter (fun found -> found <> Json.Null)
        | _ -> None

    /// The value under a path of field names.
    let path names value =
        List.fold (fun found name -> found |> Option.bind (field name)) (Some value) names

    /// The text that a value is, if it is one.
    let asText value =
        match value with
        | Json.Text text -> Some text
        | _ -> None

    /// The text under a path of field names.
    let textAt names value = path names value |> Option.bind asText

    /// The number that a value is, if it is one.
    let asNumber value =
        match value with
        | Json.Number text ->
            match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, number -> Some number
            | false, _ -> None
        | _ -> None

    /// The items of a list; none when the value is something else.
    let items value =
        match value with
        | Json.List found -> found
        | _ -> []

    /// The fields of an object; none when the value is something else.
    let fields value =
        match value with
        | Json.Object found -> found
        | _ -> []

    /// `first` with the fields of `second` put over it. Either may be something else than an object: then
    /// `second`.
    let over first second =
        match first, second with
        | Json.Object below, Json.Object above ->
            let covered = above |> List.map fst |> Set.ofList
            Json.Object((below |> List.filter (fun (name, _) -> not (covered.Contains name))) @ above)
        | _ -> second

    let rec private ofElement (element: JsonElement) =
        match element.ValueKind with
        | JsonValueKind.Object ->
            Json.Object [
                for property in element.EnumerateObject() -> property.Name, ofElement property.Value
            ]
        | JsonValueKind.Array -> Json.List [ for item in element.EnumerateArray() -> ofElement item ]
        | JsonValueKind.String -> Json.Text(element.GetString() |> Option.ofObj |> Option.defaultValue "")
        | JsonValueKind.Number -> Json.Number(element.GetRawText())
        | JsonValueKind.True -> Json.Flag true
        | JsonValueKind.False -> Json.Flag false
        | _ -> Json.Null

    /// Reads UTF-8 JSON. The error says what is wrong and where.
    let parse (bytes: ReadOnlyMemory<byte>) : Result<Json, string> =
        try
            use document = JsonDocument.Parse bytes
            Ok(ofElement document.RootElement)
        with
        | :? JsonException as problem -> Error $"The body is not JSON: %s{problem.Message}"
        // A lone half of a surrogate pair is found only when its text is read.
        | :? InvalidOperationException as problem ->
            Error $"The body holds text that is not Unicode: %s{problem.Message}"

    /// Reads JSON from a string.
    let parseText (text: string) =
        parse (ReadOnlyMemory(Encoding.UTF8.GetBytes text))

    let private appendText (onlyAscii: bool) (output: StringBuilder) (text: string) =
        output.Append '"' |> ignore

        for character in text do
            match character with
            | '"' -> output.Append "\\\""
            | '\\' -> output.Append "\\\\"
            | '\n' -> output.Append "\\n"
            | '\r' -> output.Append "\\r"
            | '\t' -> output.Append "\\t"
            | '/' when onlyAscii -> output.Append "\\/"
            | other when other < ' ' || Char.IsSurrogate other || (onlyAscii && other > '~') ->
                output.Append("\\u").Append((int other).ToString("x4", CultureInfo.InvariantCulture))
            | other -> output.Append other
            |> ignore

        output.Append '"' |> ignore

    let rec private append onlyAscii (output: StringBuilder) value =
        let separated openWith closeWith write items =
            output.Append(openWith: char) |> ignore

            items
            |> List.iteri (fun index item ->
                if index > 0 then
                    output.Append ',' |> ignore

                write item)

            output.Append(closeWith: char) |> ignore

        match value with
        | Json.Null -> output.Append "null" |> ignore
        | Json.Flag true -> output.Append "true" |> ignore
        | Json.Flag false -> output.Append "false" |> ignore
        | Json.Number text -> output.Append text |> ignore
        | Json.Text text -> appendText onlyAscii output text
        | Json.List items -> separated '[' ']' (append onlyAscii output) items
        | Json.Object fields ->
            fields
            |> separated '{' '}' (fun (name, item) ->
                appendText onlyAscii output name
                output.Append ':' |> ignore
                append onlyAscii output item)

    let private written onlyAscii value =
        let output = StringBuilder()
        append onlyAscii output value
        output.ToString()

    /// Ordinary JSON text.
    let write value = written false value

    /// The form in which Meta puts a webhook on the wire and signs it: ASCII only, everything else as
    /// `\uXXXX` with lower-case digits, and `/` as `\/` (references/whatsapp-cloud-api.md, section 1).
    let writeEscaped value = written true value
