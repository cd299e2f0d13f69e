namespace FunctionalBot.Effects

open System
open System.Text
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.Json.Serialization
open System.Security.Cryptography
open Microsoft.FSharp.Reflection
open FunctionalBot.Domain

/// Text as PostgreSQL can hold it. Neither text nor jsonb takes U+0000, and UTF-8 has no form for half a
/// surrogate pair; both become U+FFFD (the replacement character) before anything is stored or decided, so
/// that what is decided upon is what a replay sees.
module StoredText =
    let private replacement = '\uFFFD'

    /// True when PostgreSQL would give the text back as it is.
    let isStorable (text: string) =
        let mutable index = text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF')
        let mutable storable = not (text.Contains '\u0000')

        while storable && index >= 0 && index < text.Length do
            if Char.IsSurrogate text[index] then
                storable <- index + 1 < text.Length && Char.IsSurrogatePair(text[index], text[index + 1])
                index <- index + 2
            else
                index <- index + 1

        storable

    /// The text itself, or a copy in which each character that cannot be stored is replaced. The length
    /// stays.
    let clean (text: string) =
        if isStorable text then
            text
        else
            let kept = StringBuilder text.Length
            let mutable index = 0

            while index < text.Length do
                let character = text[index]

                if
                    Char.IsHighSurrogate character
                    && index + 1 < text.Length
                    && Char.IsLowSurrogate text[index + 1]
                then
                    kept.Append(character).Append(text[index + 1]) |> ignore
                    index <- index + 1
                elif Char.IsSurrogate character || character = '\u0000' then
                    kept.Append replacement |> ignore
                else
                    kept.Append character |> ignore

                index <- index + 1

            kept.ToString()

    /// A name that fits an index row whatever is in it: names of more than 200 characters are cut and end in
    /// a digest of the whole (an index row of PostgreSQL holds about 2,700 bytes, and one too long would fail
    /// its batch).
    let name (text: string) =
        let text = clean text

        if text.Length <= 200 then
            text
        else
            let digest = SHA256.HashData(Encoding.UTF8.GetBytes text)
            clean (text.Substring(0, 120)) + "#" + Convert.ToHexStringLower digest

/// Writes text so that PostgreSQL takes it, see `StoredText`.
type private StorableTextConverter() =
    inherit JsonConverter<string>()

    override _.Read(reader, _, _) = Unchecked.nonNull (reader.GetString())

    override _.Write(writer, value, _) =
        writer.WriteStringValue(StoredText.clean value)

/// Values that only their own `create` can make. What is stored goes through `create` again, so that no
/// stored data can bring in a value that the domain would refuse.
module private CheckedText =
    let read (what: string) (create: string -> Result<'Value, FieldProblem>) (stored: string | null) =
        match stored with
        | null -> raise (JsonException(String.Concat("null where a ", what, " was expected")))
        | stored ->
            match create stored with
            | Ok value -> value
            | Error problem ->
                raise (JsonException(String.Concat("no valid ", what, ": ", string<FieldProblem> problem)))

type private TicketTitleConverter() =
    inherit JsonConverter<TicketTitle>()

    override _.Read(reader, _, _) =
        CheckedText.read "title of a ticket" TicketTitle.create (reader.GetString())

    override _.Write(writer, value, _) =
        writer.WriteStringValue(TicketTitle.value value)

type private TicketDescriptionConverter() =
    inherit JsonConverter<TicketDescription>()

    override _.Read(reader, _, _) =
        CheckedText.read "description of a ticket" TicketDescription.create (reader.GetString())

    override _.Write(writer, value, _) =
        writer.WriteStringValue(TicketDescription.value value)

type private EmailAddressConverter() =
    inherit JsonConverter<EmailAddress>()

    override _.Read(reader, _, _) =
        CheckedText.read "e-mail address" EmailAddress.create (reader.GetString())

    override _.Write(writer, value, _) =
        writer.WriteStringValue(EmailAddress.value value)

/// Kinds of media by the names of their cases, but for what is not supported: rows know it by the name that it had at
/// first.
type private MediaKindConverter() =
    inherit JsonConverter<MediaKind>()

    static let names =
        FSharpType.GetUnionCases typeof<MediaKind>
        |> Array.map (fun case ->
            let kind = unbox<MediaKind>(FSharpValue.MakeUnion(case, [||]))
            kind, (if kind = Unsupported then "Other" else case.Name))

    override _.Read(reader, _, _) =
        let stored = Unchecked.nonNull (reader.GetString())

        match names |> Array.tryFind (fun (_, name) -> name = stored) with
        | Some(kind, _) -> kind
        | None -> raise (JsonException(String.Concat("no kind of media: ", stored)))

    override _.Write(writer, kind, _) =
        names
        |> Array.find (fun (known, _) -> known = kind)
        |> snd
        |> writer.WriteStringValue

/// How values become JSON in the database.
module Json =
    let private create () =
        let options =
            JsonSerializerOptions(Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

        options.Converters.Add(StorableTextConverter())
        options

    /// For the stored shapes of events: plain System.Text.Json. Every property must be there, since a shape
    /// never changes.
    let stored: JsonSerializerOptions =
        let options = create ()
        options.RespectNullableAnnotations <- true
        options.RespectRequiredConstructorParameters <- true
        options

    /// For the payloads of the tables in schema `bot`, which only this program reads: unions by
    /// FSharp.SystemTextJson.
    let own: JsonSerializerOptions =
        let options = create ()
        options.Converters.Add(TicketTitleConverter())
        options.Converters.Add(TicketDescriptionConverter())
        options.Converters.Add(EmailAddressConverter())
        options.Converters.Add(MediaKindConverter())

        options.Converters.Add(
            JsonFSharpConverter(JsonUnionEncoding.Default ||| JsonUnionEncoding.UnwrapFieldlessTags)
        )

        options

    /// Writes a payload of an own table.
    let write<'Value> (value: 'Value) : string =
        JsonSerializer.Serialize<'Value>(value, own)

    /// Reads a payload of an own table, or says why it cannot be read.
    let read<'Value when 'Value: not null and 'Value: not struct> (json: string) : Result<'Value, string> =
        try
            match JsonSerializer.Deserialize<'Value>(json, own) with
            | null -> Error "the payload is null"
            | value -> Ok value
        with
        | :? JsonException
        | :? NotSupportedException
        | :? InvalidOperationException as problem -> Error problem.Message
        | problem -> Error(problem.GetType().Name)

    let rec private describe (seen: Set<string>) (shape: Type) : string =
        let name = string shape

        if seen.Contains name then
            name
        else
            let seen = seen.Add name

            let fields (properties: Reflection.PropertyInfo[]) =
                properties
                |> Array.map (fun property -> property.Name + ":" + describe seen property.PropertyType)
                |> String.concat ","

            let all =
                Reflection.BindingFlags.Public
                ||| Reflection.BindingFlags.NonPublic
                ||| Reflection.BindingFlags.Instance

            if FSharpType.IsRecord(shape, all) then
                name + "{" + fields (FSharpType.GetRecordFields(shape, all)) + "}"
            elif FSharpType.IsUnion(shape, all) then
                FSharpType.GetUnionCases(shape, all)
                |> Array.map (fun case -> case.Name + "(" + fields (case.GetFields()) + ")")
                |> String.concat "|"
            elif FSharpType.IsTuple shape then
                FSharpType.GetTupleElements shape
                |> Array.map (describe seen)
                |> String.concat "*"
            else
                name

    /// A number that changes with the shape of a type (names and types of all fields and cases within). It is
    /// saved beside a session, so that one saved in another shape is rebuilt from its stream and never
    /// misread.
    let shape<'Value> : int64 =
        let digest =
            SHA256.HashData(Encoding.UTF8.GetBytes(describe Set.empty typeof<'Value>))

        BitConverter.ToInt64(digest, 0)
