namespace FunctionalBot.Effects.OdooAdapter

open System
open System.IO
open System.Text
open System.Text.Json
open System.Threading.Tasks
open FunctionalBot.Effects

/// A value that is sent to Odoo, over either protocol.
type OdooValue =
    | Text of string
    | Number of int64
    | Truth of bool
    | Items of OdooValue list
    | Named of (string * OdooValue) list
    /// The bytes of the file that the call brings, as base64; the value of a name, once in a call.
    | FileContent

/// Writing values, and reading Odoo's, where `false` stands for "empty".
module OdooValue =

    /// `place` is called where the file's bytes belong, when all that stands before has gone to the stream.
    let rec private write (writer: Utf8JsonWriter) (place: unit -> unit) (value: OdooValue) =
        match value with
        | Text text -> writer.WriteStringValue text
        | Number number -> writer.WriteNumberValue number
        | Truth truth -> writer.WriteBooleanValue truth
        | FileContent ->
            writer.Flush()
            place ()
            writer.WriteStringValue ""
        | Items items ->
            writer.WriteStartArray()
            List.iter (write writer place) items
            writer.WriteEndArray()
        | Named fields ->
            writer.WriteStartObject()

            for name, value in fields do
                writer.WritePropertyName name
                write writer place value

            writer.WriteEndObject()

    /// The JSON text of a value.
    let json (value: OdooValue) : string =
        use stream = new MemoryStream()

        using (new Utf8JsonWriter(stream)) (fun writer -> write writer ignore value)
        Encoding.UTF8.GetString(stream.ToArray())

    /// The JSON text of a value in UTF-8, before and after the file's bytes.
    let around (value: OdooValue) : byte[] * byte[] =
        use stream = new MemoryStream()
        let border = ref 0
        // Behind the quote with which the empty text begins.
        let noted () = border.Value <- int stream.Length + 1
        using (new Utf8JsonWriter(stream)) (fun writer -> write writer noted value)
        let whole = stream.ToArray()
        Array.truncate border.Value whole, Array.skip border.Value whole

    /// A list of texts, such as the names of fields.
    let texts (names: string list) : OdooValue = Items(List.map Text names)

    /// One condition of a search domain.
    let condition (field: string) (operator: string) (value: OdooValue) : OdooValue =
        Items [ Text field; Text operator; value ]

    /// A property of an object that is there and is not `null`.
    let property (name: string) (element: JsonElement) : JsonElement option = LenientJson.field name element

    /// A text that is there and not empty.
    let text (name: string) (element: JsonElement) : string option =
        property name element
        |> Option.bind (fun value ->
            match value.ValueKind with
            | JsonValueKind.String -> LenientJson.asText value |> Option.filter (fun text -> text <> "")
            // Odoo writes `false` where a text is missing.
            | _ -> None)

    /// A whole number.
    let number (element: JsonElement) : int64 option =
        match element.ValueKind with
        | JsonValueKind.Number ->
            match element.TryGetInt64() with
            | true, number -> Some number
            | _ -> None
        | _ -> None

    /// Matches a whole number.
    let (|IsNumber|_|) (element: JsonElement) : int64 option = number element

    /// The items of a list; none for anything else.
    let items (element: JsonElement) : JsonElement list =
        if element.ValueKind = JsonValueKind.Array then
            List.ofSeq (element.EnumerateArray())
        else
            []

    /// The id of a record.
    let id (record: JsonElement) : int64 option =
        property "id" record |> Option.bind number

    /// A many2one field: the id and the label of the record that it points to.
    let reference (name: string) (record: JsonElement) : (int64 * string) option =
        match property name record |> Option.map items with
        | Some [ id; label ] when label.ValueKind = JsonValueKind.String ->
            number id |> Option.map (fun id -> id, string label)
        | _ -> None

    /// Whether a field is neither `false`, nor empty, nor absent.
    let isSet (name: string) (record: JsonElement) : bool =
        match property name record with
        | None -> false
        | Some value ->
            match value.ValueKind with
            | JsonValueKind.False
            | JsonValueKind.Undefined -> false
            | JsonValueKind.String -> string value <> ""
            | _ -> true

/// Why a call to Odoo did not give a result.
type OdooFailure = {
    /// Whether the same call may end otherwise later.
    MayPass: bool
    /// How long to wait, where the server said so.
    After: TimeSpan option
    /// Python's name of the exception, or "http" and the status where the answer was no error of Odoo's.
    Name: string
    /// For operators; without what looks like an address or a phone number.
    Reason: string
}

/// What one step of a conversation with Odoo comes to.
type OdooAnswer<'value> = Task<Result<'value, OdooFailure>>

/// Steps one after the other; the first failure ends them.
type OdooSteps() =
    member _.Return(value: 'value) : OdooAnswer<'value> = Task.FromResult(Ok value)
    member _.ReturnFrom(answer: OdooAnswer<'value>) = answer

    member _.Bind(answer: OdooAnswer<'first>, next: 'first -> OdooAnswer<'second>) : OdooAnswer<'second> =
        task {
            match! answer with
            | Ok value -> return! next value
            | Error failure -> return Error failure
        }

/// The expression for such steps.
[<AutoOpen>]
module OdooSteps =
    /// `odoo { let! … }`
    let odoo = OdooSteps()
