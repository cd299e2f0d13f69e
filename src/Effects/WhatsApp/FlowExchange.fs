namespace FunctionalBot.Effects

open System
open System.Buffers
open System.Text.Json
open FunctionalBot.Domain

/// What a telephone (or Meta, of its own accord) asks of the form's endpoint.
type FlowAsked =
    /// Meta's check whether anybody is there.
    | IsAnybodyThere
    /// The telephone could not go on; Meta's name for the reason.
    | CouldNotGoOn of key: string
    /// The form was opened, or gone back to; or the fields, by name, are to be checked.
    | FormAsked of token: string * fields: (string * string) list option

/// What the endpoint says, as JSON that is still to be encrypted.
type FlowSaid =
    /// HTTP 200.
    | FlowAnswer of byte[]
    /// HTTP 427: the telephone closes the form and shuts its button.
    | FlowIsOver of byte[]

/// The data exchange of WhatsApp Flows (data API 3.0), without its encryption.
module FlowExchange =
    /// A token of ours is far shorter.
    let private longestToken = 400

    /// Four times what the longest field may hold, so that it can be told how much is too much.
    let private longestField = 16_384

    let private token root =
        LenientJson.field "flow_token" root
        |> Option.bind (LenientJson.asTextUpTo longestToken)
        |> Option.defaultValue ""

    /// Meta's names of failures are words with hyphens or underscores; whatever else comes does not reach the logs.
    let private keyOf (text: string) =
        if
            text.Length <= 64
            && text |> Seq.forall (fun c -> Char.IsAsciiLetter c || c = '_' || c = '-')
        then
            text
        else
            "unnamed"

    let private fieldsOf data =
        TicketForm.fields
        |> List.choose (fun field ->
            let name = TicketForm.name field

            LenientJson.field name data
            |> Option.bind (LenientJson.asTextUpTo longestField)
            |> Option.map (fun text -> name, text))

    let private understand root =
        let data = LenientJson.field "data" root

        let failure =
            data
            |> Option.bind (LenientJson.field "error")
            |> Option.bind LenientJson.asText

        match LenientJson.text "action" root, failure with
        | Some "ping", _ -> Ok IsAnybodyThere
        | _, Some key -> Ok(CouldNotGoOn(keyOf key))
        | Some("INIT" | "BACK"), None -> Ok(FormAsked(token root, None))
        | Some "data_exchange", None ->
            match LenientJson.text "screen" root with
            | Some screen when screen = FlowScreen.id ->
                let fields = data |> Option.map fieldsOf |> Option.defaultValue []
                Ok(FormAsked(token root, Some fields))
            | _ -> Error "of a screen that the form does not have"
        | _ -> Error "of an action that is not known"

    /// What the content of a request asks for, with the version that the answer is to name. Error with a reason that
    /// holds nothing of the content.
    let read (plain: byte[]) : Result<FlowAsked * string option, string> =
        try
            use document =
                JsonDocument.Parse(ReadOnlyMemory plain, JsonDocumentOptions(MaxDepth = 32))

            let root = document.RootElement

            let version =
                LenientJson.text "version" root
                |> Option.filter (fun text ->
                    text.Length <= 16
                    && text |> Seq.forall (fun c -> Char.IsAsciiDigit c || c = '.'))

            understand root |> Result.map (fun asked -> asked, version)
        with :? JsonException ->
            Error "that is no JSON"

    let private json (version: string option) (write: Utf8JsonWriter -> unit) : byte[] =
        let buffer = ArrayBufferWriter<byte> 1024
        use writer = new Utf8JsonWriter(buffer)
        writer.WriteStartObject()

        match version with
        | Some version -> writer.WriteString("version", version)
        | None -> ()

        write writer
        writer.WriteEndObject()
        writer.Flush()
        buffer.WrittenSpan.ToArray()

    let private data (write: Utf8JsonWriter -> unit) (writer: Utf8JsonWriter) =
        writer.WriteStartObject "data"
        write writer
        writer.WriteEndObject()

    let private screen (book: LanguageBook) isChecked problems version =
        json version (fun writer ->
            writer.WriteString("screen", FlowScreen.id)
            data (FlowScreen.write book isChecked problems) writer)

    /// The answer to Meta's check.
    let active (version: string option) : byte[] =
        json version (data (fun writer -> writer.WriteString("status", "active")))

    /// The answer to the notice of a failure.
    let acknowledged (version: string option) : byte[] =
        json version (data (fun writer -> writer.WriteBoolean("acknowledged", true)))

    let private isOver (book: LanguageBook) =
        FlowIsOver(
            json None (fun writer ->
                writer.WriteString("error_msg", FlowScreen.words book Wording.FormIsOver))
        )

    /// The answer to what is about a form: its screen, with what is wrong in the fields. Where nothing is, the screen
    /// takes photos and its button sends the form into the chat; there the core checks it once more.
    let answer
        (book: PhraseBook)
        (standing: FormStanding)
        (fields: (string * string) list option)
        (version: string option)
        : FlowSaid =
        match standing, fields with
        | FormIsOver language, _ -> isOver (book.Of language)
        | FormCounts language, None -> FlowAnswer(screen (book.Of language) false [] version)
        | FormCounts language, Some fields ->
            let _, problems = TicketForm.read fields
            FlowAnswer(screen (book.Of language) problems.IsEmpty problems version)
