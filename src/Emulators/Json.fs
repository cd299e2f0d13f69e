/// JSON as plain F# data: emulators compare, change and store it, which the framework's mutable nodes make
/// hard.
module FunctionalBot.Emulators.Json

open System
open System.Globalization
open System.Text
open System.Text.Json

/// One JSON value. Whole numbers are kept apart from others, since ids are compared; the order of fields is
/// kept.
type Json =
    /// `null`.
    | Null
    /// `true` or `false`. Odoo writes `false` where others write `null`.
    | Flag of bool
    /// A number without fraction that fits 64 bits.
    | Whole of int64
    /// Any other number.
    | Number of float
    /// A string, decoded.
    | Text of string
    /// An array.
    | Items of Json list
    /// An object, its fields in the order in which they were written.
    | Fields of (string * Json) list

let rec private ofElement (element: JsonElement) : Json =
    match element.ValueKind with
    | JsonValueKind.True -> Flag true
    | JsonValueKind.False -> Flag false
    | JsonValueKind.String ->
        element.GetString()
        |> Option.ofObj
        |> Option.map Text
        |> Option.defaultValue Null
    | JsonValueKind.Number ->
        match element.TryGetInt64(), element.GetDouble() with
        | (true, whole), _ -> Whole whole
        | _, number when Double.IsFinite number -> Number number
        | _ -> raise (JsonException $"The number %s{element.GetRawText()} is too large.")
    | JsonValueKind.Array -> Items [ for item in element.EnumerateArray() -> ofElement item ]
    | JsonValueKind.Object ->
        Fields [ for field in element.EnumerateObject() -> field.Name, ofElement field.Value ]
    | _ -> Null

/// Reads a JSON document in UTF-8; the error is the reader's own sentence, with line and position.
let parseBytes (document: ReadOnlyMemory<byte>) : Result<Json, string> =
    try
        use parsed = JsonDocument.Parse document
        Ok(ofElement parsed.RootElement)
    with
    | :? JsonException as problem -> Error problem.Message
    // A lone half of a surrogate pair is found only when its text is read.
    | :? InvalidOperationException as problem ->
        Error $"It holds text that is not Unicode: %s{problem.Message}"

/// Reads a JSON document from text.
let parse (document: string) : Result<Json, string> =
    parseBytes (ReadOnlyMemory(Encoding.UTF8.GetBytes document))

/// How letters beyond ASCII are written.
type private Letters =
    | Readable
    | Escaped

let private putText (letters: Letters) (output: StringBuilder) (text: string) : unit =
    output.Append '"' |> ignore

    for character in text do
        match character with
        | '"' -> output.Append "\\\""
        | '\\' -> output.Append "\\\\"
        | '\n' -> output.Append "\\n"
        | '\r' -> output.Append "\\r"
        | '\t' -> output.Append "\\t"
        | '/' when letters = Escaped -> output.Append "\\/"
        | other when other < ' ' || Char.IsSurrogate other || (letters = Escaped && other > '~') ->
            output.Append("\\u").Append((int other).ToString("x4", CultureInfo.InvariantCulture))
        | other -> output.Append other
        |> ignore

    output.Append '"' |> ignore

let rec private put (letters: Letters) (output: StringBuilder) (json: Json) : unit =
    let separated (opening: char) (closing: char) (putItem: 'item -> unit) (items: 'item list) =
        output.Append opening |> ignore

        items
        |> List.iteri (fun index item ->
            if index > 0 then
                output.Append ',' |> ignore

            putItem item)

        output.Append closing |> ignore

    match json with
    | Null -> output.Append "null" |> ignore
    | Flag flag -> output.Append(if flag then "true" else "false") |> ignore
    | Whole whole -> output.Append(whole.ToString CultureInfo.InvariantCulture) |> ignore
    | Number number -> output.Append(number.ToString("R", CultureInfo.InvariantCulture)) |> ignore
    | Text text -> putText letters output text
    | Items items -> items |> separated '[' ']' (put letters output)
    | Fields fields ->
        fields
        |> separated '{' '}' (fun (name, value) ->
            putText letters output name
            output.Append ':' |> ignore
            put letters output value)

let private written (letters: Letters) (json: Json) : string =
    let output = StringBuilder()
    put letters output json
    output.ToString()

/// Writes compact JSON. Letters of every language stay readable; the result goes into bodies and files, never
/// into a page's markup.
let write (json: Json) : string = written Readable json

/// The form in which Meta puts a webhook on the wire and signs it: ASCII only, everything else as
/// `\uXXXX` with lower-case digits, and `/` as `\/` (references/whatsapp-cloud-api.md, section 1).
let writeEscaped (json: Json) : string = written Escaped json

/// An object of the fields that are there: `None` leaves its field out.
let sparse (fields: (string * Json option) list) : Json =
    Fields(
        fields
        |> List.choose (fun (name, value) -> value |> Option.map (fun present -> name, present))
    )

/// The field of an object, when the value is an object that has it; of two with one name the last, as most
/// readers of JSON do.
let field (name: string) (json: Json) : Json option =
    match json with
    | Fields fields -> fields |> List.tryFindBack (fun (key, _) -> key = name) |> Option.map snd
    | _ -> None

/// The field of an object unless it is null, which many senders write for a field that they leave out.
let given (name: string) (json: Json) : Json option =
    field name json |> Option.filter (fun value -> value <> Null)

/// The value at a path of field names.
let at (path: string list) (json: Json) : Json option =
    List.fold (fun found name -> Option.bind (field name) found) (Some json) path

/// The value at a path of field names, unless it is null.
let givenAt (path: string list) (json: Json) : Json option =
    at path json |> Option.filter (fun value -> value <> Null)

/// The text that a value is; `None` when it is something else.
let asText (json: Json) : string option =
    match json with
    | Text text -> Some text
    | _ -> None

/// The number that a value is, whole or not; `None` when it is something else.
let asNumber (json: Json) : float option =
    match json with
    | Whole whole -> Some(float whole)
    | Number number -> Some number
    | _ -> None

/// The items of an array; empty when the value is something else.
let items (json: Json) : Json list =
    match json with
    | Items items -> items
    | _ -> []

/// The fields of an object; empty when the value is something else.
let fields (json: Json) : (string * Json) list =
    match json with
    | Fields fields -> fields
    | _ -> []

/// The text at a path of field names; `None` when it is absent or not a string.
let textAt (path: string list) (json: Json) : string option = at path json |> Option.bind asText

/// The text of a field; `None` when it is absent or not a string.
let textField (name: string) (json: Json) : string option = textAt [ name ] json

/// The whole number of a field; `None` when it is absent or something else.
let wholeField (name: string) (json: Json) : int64 option =
    match field name json with
    | Some(Whole whole) -> Some whole
    | _ -> None

/// The items of a field; empty when it is absent or not an array.
let itemsField (name: string) (json: Json) : Json list =
    field name json |> Option.map items |> Option.defaultValue []

/// An object with the field set, in its old place if it was there.
let withField (name: string) (value: Json) (json: Json) : Json =
    match json with
    | Fields fields when fields |> List.exists (fun (key, _) -> key = name) ->
        Fields(fields |> List.map (fun (key, old) -> key, (if key = name then value else old)))
    | Fields fields -> Fields(fields @ [ name, value ])
    | other -> other

/// `first` with the fields of `second` put over it. Where either is no object, `second` alone.
let over (first: Json) (second: Json) : Json =
    match first, second with
    | Fields below, Fields above ->
        let covered = above |> List.map fst |> Set.ofList
        Fields((below |> List.filter (fun (name, _) -> not (covered.Contains name))) @ above)
    | _ -> second

/// What Python would call the value's truth: empty text, zero, empty lists, `false` and `null` are false.
let isTruthy (json: Json) : bool =
    match json with
    | Null
    | Flag false
    | Whole 0L
    | Text ""
    | Items []
    | Fields [] -> false
    | Number number -> number <> 0.0
    | _ -> true

/// Writes a moment as Odoo does: UTC without a zone, cut to whole seconds.
let odooMoment (moment: DateTimeOffset) : Json =
    Text(moment.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture))
