namespace FunctionalBot.Effects

open System
open System.IO
open System.Text
open System.Text.Json

/// A part of a body that was not read yet.
[<Struct; NoComparison; NoEquality>]
type internal Slice = {
    /// As it was written, a window into the body.
    Bytes: ReadOnlyMemory<byte>
    /// How deep it is nested: 0 for a text or number, 1 for an object of those.
    Levels: int
}

/// What a webhook's `value` holds, element by element.
[<NoComparison; NoEquality>]
type internal EnvelopeValue = {
    Metadata: Slice voption
    Contacts: ResizeArray<Slice>
    Messages: ResizeArray<Slice>
    Statuses: ResizeArray<Slice>
    Errors: Slice voption
}

/// One of `changes[]`.
[<NoComparison; NoEquality>]
type internal EnvelopeChange = {
    Whole: Slice
    Field: Slice voption
    /// None where it is missing or null.
    Value: EnvelopeValue voption
}

/// One of `entry[]`.
[<NoComparison; NoEquality>]
type internal EnvelopeEntry = {
    Whole: Slice
    Time: Slice voption
    Changes: ResizeArray<EnvelopeChange>
}

/// Takes a body apart without reading its elements, in one pass that holds nothing but where each begins and ends.
/// So one element that cannot be read takes no other with it, and a body of a thousand elements is never a tree in
/// memory. Where a singles name occurs twice the last one counts; null counts as missing; an object stands for an
/// array of one.
module internal WhatsAppEnvelope =
    /// Nothing is too deep to be walked past: the walk holds one bit for each level.
    let private options = JsonReaderOptions(MaxDepth = Int32.MaxValue)

    let private isStart (token: JsonTokenType) =
        token = JsonTokenType.StartObject || token = JsonTokenType.StartArray

    /// The value whose first token was just read, up to its end.
    let private skipped (body: ReadOnlyMemory<byte>) (reader: byref<Utf8JsonReader>) : Slice =
        let start = int reader.TokenStartIndex
        let outside = reader.CurrentDepth
        let mutable levels = 0

        if isStart reader.TokenType then
            levels <- 1

            while reader.Read() && reader.CurrentDepth > outside do
                let depth = reader.CurrentDepth - outside
                levels <- max levels (if isStart reader.TokenType then depth + 1 else depth)

        {
            Bytes = body.Slice(start, int reader.BytesConsumed - start)
            Levels = levels
        }

    /// A name that is no Unicode is none that is looked for.
    let private isNamed (name: string) (reader: byref<Utf8JsonReader>) =
        try
            reader.ValueTextEquals name
        with :? InvalidOperationException ->
            false

    /// The value behind a name. None for null.
    let private single body (reader: byref<Utf8JsonReader>) : Slice voption =
        reader.Read() |> ignore
        let isNull = reader.TokenType = JsonTokenType.Null
        let slice = skipped body &reader
        if isNull then ValueNone else ValueSome slice

    /// The members of the array behind a name.
    let private members body (reader: byref<Utf8JsonReader>) : ResizeArray<Slice> =
        let found = ResizeArray()
        reader.Read() |> ignore

        match reader.TokenType with
        | JsonTokenType.StartArray ->
            while reader.Read() && reader.TokenType <> JsonTokenType.EndArray do
                found.Add(skipped body &reader)
        | JsonTokenType.StartObject -> found.Add(skipped body &reader)
        | _ -> ()

        found

    /// The value behind a name, taken apart if it is an object.
    let private value body (reader: byref<Utf8JsonReader>) : EnvelopeValue voption =
        let mutable metadata = ValueNone
        let mutable contacts = ResizeArray()
        let mutable messages = ResizeArray()
        let mutable statuses = ResizeArray()
        let mutable errors = ValueNone

        reader.Read() |> ignore
        let isNull = reader.TokenType = JsonTokenType.Null

        if reader.TokenType = JsonTokenType.StartObject then
            while reader.Read() && reader.TokenType = JsonTokenType.PropertyName do
                if isNamed "messages" &reader then
                    messages <- members body &reader
                elif isNamed "statuses" &reader then
                    statuses <- members body &reader
                elif isNamed "contacts" &reader then
                    contacts <- members body &reader
                elif isNamed "metadata" &reader then
                    metadata <- single body &reader
                elif isNamed "errors" &reader then
                    errors <- single body &reader
                else
                    reader.Skip()
        else
            reader.Skip()

        if isNull then
            ValueNone
        else
            ValueSome {
                Metadata = metadata
                Contacts = contacts
                Messages = messages
                Statuses = statuses
                Errors = errors
            }

    /// A slice of what was just walked through member by member; how deep it is does not matter.
    let private walked (body: ReadOnlyMemory<byte>) start (reader: byref<Utf8JsonReader>) : Slice = {
        Bytes = body.Slice(start, int reader.BytesConsumed - start)
        Levels = 1
    }

    let private change body (reader: byref<Utf8JsonReader>) : EnvelopeChange =
        let start = int reader.TokenStartIndex
        let mutable field = ValueNone
        let mutable held = ValueNone

        if reader.TokenType = JsonTokenType.StartObject then
            while reader.Read() && reader.TokenType = JsonTokenType.PropertyName do
                if isNamed "value" &reader then
                    held <- value body &reader
                elif isNamed "field" &reader then
                    field <- single body &reader
                else
                    reader.Skip()
        else
            reader.Skip()

        {
            Whole = walked body start &reader
            Field = field
            Value = held
        }

    let private changes body (reader: byref<Utf8JsonReader>) : ResizeArray<EnvelopeChange> =
        let found = ResizeArray()
        reader.Read() |> ignore

        match reader.TokenType with
        | JsonTokenType.StartArray ->
            while reader.Read() && reader.TokenType <> JsonTokenType.EndArray do
                found.Add(change body &reader)
        | JsonTokenType.StartObject -> found.Add(change body &reader)
        | _ -> ()

        found

    let private entry body (reader: byref<Utf8JsonReader>) : EnvelopeEntry =
        let start = int reader.TokenStartIndex
        let mutable time = ValueNone
        let mutable found = ResizeArray()

        if reader.TokenType = JsonTokenType.StartObject then
            while reader.Read() && reader.TokenType = JsonTokenType.PropertyName do
                if isNamed "changes" &reader then
                    found <- changes body &reader
                elif isNamed "time" &reader then
                    time <- single body &reader
                else
                    reader.Skip()
        else
            reader.Skip()

        {
            Whole = walked body start &reader
            Time = time
            Changes = found
        }

    /// The entries behind a name. None where it is no array.
    let private entries body (reader: byref<Utf8JsonReader>) : ResizeArray<EnvelopeEntry> voption =
        reader.Read() |> ignore

        if reader.TokenType = JsonTokenType.StartArray then
            let found = ResizeArray()

            while reader.Read() && reader.TokenType <> JsonTokenType.EndArray do
                found.Add(entry body &reader)

            ValueSome found
        else
            reader.Skip()
            ValueNone

    /// The entries of a body. None where the body is JSON but no object with a list named "entry".
    /// Throws JsonException where it is no JSON.
    let read (body: ReadOnlyMemory<byte>) : ResizeArray<EnvelopeEntry> voption =
        let mutable reader = Utf8JsonReader(body.Span, options)
        let mutable found = ValueNone
        reader.Read() |> ignore

        if reader.TokenType = JsonTokenType.StartObject then
            while reader.Read() && reader.TokenType = JsonTokenType.PropertyName do
                if isNamed "entry" &reader then
                    found <- entries body &reader
                else
                    reader.Skip()
        else
            reader.Skip()

        // What stands behind the end is no JSON either; the reader says so.
        while reader.Read() do
            ()

        found

    /// What stands in the place of a member that is nested too deep. It is a list, so that nobody takes it for a text:
    /// an id that is too deep is no id.
    let private tooDeep =
        Encoding.UTF8.GetBytes $"[\"nested deeper than %d{LenientJson.maximumDepth} levels\"]"

    /// An element with each member that is too deep replaced by a list that says so. What is no object becomes an
    /// empty array.
    let private shortened (element: ReadOnlyMemory<byte>) : byte[] =
        use result = new MemoryStream()
        let mutable reader = Utf8JsonReader(element.Span, options)
        reader.Read() |> ignore

        if reader.TokenType = JsonTokenType.StartObject then
            result.WriteByte(byte '{')

            while reader.Read() && reader.TokenType = JsonTokenType.PropertyName do
                if result.Length > 1L then
                    result.WriteByte(byte ',')

                // The name with its quotation marks.
                let name = element.Slice(int reader.TokenStartIndex, reader.ValueSpan.Length + 2)
                reader.Read() |> ignore
                let part = skipped element &reader
                result.Write name.Span
                result.WriteByte(byte ':')

                if part.Levels < LenientJson.maximumDepth then
                    result.Write part.Bytes.Span
                else
                    result.Write(ReadOnlySpan tooDeep)

            result.WriteByte(byte '}')
        else
            result.Write(ReadOnlySpan "[]"B)

        result.ToArray()

    /// Reads an element by itself. One that is nested too deep is read without what makes it so.
    let inside (slice: Slice) (read: JsonElement -> 'result) : 'result =
        let bytes =
            if slice.Levels <= LenientJson.maximumDepth then
                slice.Bytes
            else
                ReadOnlyMemory(shortened slice.Bytes)

        use document =
            JsonDocument.Parse(bytes, JsonDocumentOptions(MaxDepth = LenientJson.maximumDepth))

        read document.RootElement
