/// JSON documents that verbs print. Scripts rely on their shapes: a field may be added; one that is renamed, removed or
/// given another meaning raises the document's "version".
module FunctionalBot.Web.Document

open System
open System.Text.Json.Nodes

/// A text.
let text (value: string) : JsonNode | null = JsonValue.Create value

/// A text, or null.
let optionalText (value: string option) : JsonNode | null =
    match value with
    | Some value -> JsonValue.Create value
    | None -> null

/// A whole number.
let number (value: int64) : JsonNode | null = JsonValue.Create value

/// A whole number, or null.
let optionalNumber (value: int64 option) : JsonNode | null =
    match value with
    | Some value -> JsonValue.Create value
    | None -> null

/// true or false.
let truth (value: bool) : JsonNode | null = JsonValue.Create value

/// A point in time: ISO 8601, UTC, to the millisecond.
let instant (value: DateTimeOffset) : JsonNode | null = JsonValue.Create(Moment.iso value)

/// A point in time, or null.
let optionalInstant (value: DateTimeOffset option) : JsonNode | null =
    match value with
    | Some value -> JsonValue.Create(Moment.iso value)
    | None -> null

/// JSON within JSON; a text that is none stays a text.
let json (value: string) : JsonNode | null =
    try
        JsonNode.Parse value
    with :? Text.Json.JsonException ->
        JsonValue.Create value

/// An object with these fields in this order.
let fields (parts: (string * (JsonNode | null)) list) : JsonObject =
    let node = JsonObject()

    for name, value in parts do
        node[name] <- value

    node

/// An array of objects.
let list (items: JsonObject list) : JsonNode | null =
    let array = JsonArray()

    for item in items do
        array.Add item

    array

/// An array of texts.
let texts (items: string list) : JsonNode | null =
    let array = JsonArray()

    for item in items do
        array.Add(text item)

    array

/// A whole document, of the first version.
let create (parts: (string * (JsonNode | null)) list) : JsonObject =
    fields (("version", number 1L) :: parts)
