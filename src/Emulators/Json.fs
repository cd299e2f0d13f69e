/// JSON as plain F# data: emulators compare, change and store it, which the framework's mutable nodes make
/// hard.
module FunctionalBot.Emulators.Json

open System
open System.Globalization
open System.Text
open System.Text.Encodings.Web
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
        match element.GetString() with
        | null -> Null
        | text -> Text text
    | JsonValueKind.Number ->
        match element.TryGetInt64() with
        | true, whole -> Whole whole
        | _ -> Number(element.GetDouble())
    | JsonValueKind.Array -> Items [ for item in element.EnumerateArray() -> ofElement item ]
    | JsonValueKind.Object ->
        Fields [ for field in element.EnumerateObject() -> field.Name, ofElement field.Value ]
    | _ -> Null

/// Reads a JSON document; the error is the reader's own sentence, with line and position.
let parse (document: string) : Result<Json, string> =
    try
        use parsed = JsonDocument.Parse document
        Ok(ofElement parsed.RootElement)
    with :? JsonException as problem ->
        Error problem.Message

let rec private put (writer: Utf8JsonWriter) (json: Json) : unit =
    match json with
    | Null -> writer.WriteNullValue()
    | Flag flag -> writer.WriteBooleanValue flag
    | Whole whole -> writer.WriteNumberValue whole
    | Number number -> writer.WriteNumberValue number
    | Text text -> writer.WriteStringValue text
    | Items items ->
        writer.WriteStartArray()
        List.iter (put writer) items
        writer.WriteEndArray()
    | Fields fields ->
        writer.WriteStartObject()

        for name, value in fields do
            writer.WritePropertyName name
            put writer value

        writer.WriteEndObject()

/// Writes compact JSON. Letters of every language stay readable; the result goes into bodies and files, never
/// into a page's markup.
let write (json: Json) : string =
    let buffer = System.Buffers.ArrayBufferWriter<byte>()

    using
        (new Utf8JsonWriter(buffer, JsonWriterOptions(Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)))
        (fun writer -> put writer json)

    Encoding.UTF8.GetString buffer.WrittenSpan

/// The field of an object, when the value is an object that has it.
let field (name: string) (json: Json) : Json option =
    match json with
    | Fields fields -> fields |> List.tryFind (fun (key, _) -> key = name) |> Option.map snd
    | _ -> None

/// The value at a path of field names.
let at (path: string list) (json: Json) : Json option =
    List.fold (fun found name -> Option.bind (field name) found) (Some json) path

/// The text of a field; `None` when it is absent or not a string.
let textField (name: string) (json: Json) : string option =
    match field name json with
    | Some(Text text) -> Some text
    | _ -> None

/// The whole number of a field; `None` when it is absent or something else.
let wholeField (name: string) (json: Json) : int64 option =
    match field name json with
    | Some(Whole whole) -> Some whole
    | _ -> None

/// The items of a field; empty when it is absent or not an array.
let itemsField (name: string) (json: Json) : Json list =
    match field name json with
    | Some(Items items) -> items
    | _ -> []

/// An object with the field set, in its old place if it was there.
let withField (name: string) (value: Json) (json: Json) : Json =
    match json with
    | Fields fields when fields |> List.exists (fun (key, _) -> key = name) ->
        Fields(fields |> List.map (fun (key, old) -> key, (if key = name then value else old)))
    | Fields fields -> Fields(fields @ [ name, value ])
    | other -> other

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
