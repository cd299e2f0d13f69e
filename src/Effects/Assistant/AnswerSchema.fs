namespace FunctionalBot.Effects

open System
open System.Text.Json
open FunctionalBot.Domain

/// The one shape in which the language model answers a turn (Structured Outputs, strict), and reading it
/// back.
module AnswerSchema =

    /// The name under which the schema is sent.
    let name = "support_turn"

    /// Longest reply that is passed on, in UTF-16 units. WhatsApp takes 4,096; nobody reads that on a phone.
    let replyLimit = 1500

    // What the model may choose from. The intents that only make sense inside the ticket dialogue are not
    // among them: the rules understand those, and the model is not asked there.
    let private intents = [
        "asks_something", AsksSomething
        "wants_ticket", WantsTicket
        "wants_ticket_status", WantsTicketStatus
        "wants_person", WantsPerson
        "wants_help", WantsHelp
        "wants_to_cancel", WantsToCancel
        "says_yes", SaysYes
        "says_no", SaysNo
        "greets", Greets
        "leaves", Leaves
    ]

    let private sentiments = [ "pleased", Pleased; "neutral", Neutral; "upset", Upset ]

    let private languages =
        [ Spanish; English; Portuguese ]
        |> List.map (fun language -> Language.code language, language)

    let private described (description: string) (schema: Map<string, obj>) =
        schema.Add("description", description)

    let private typed (name: obj) : Map<string, obj> = Map [ "type", name ]

    let private choice (names: (string * 'meaning) list) : Map<string, obj> =
        (typed "string").Add("enum", names |> List.map fst |> List.toArray)

    let private value (anything: 'anything) : obj = nonNull (box anything)

    // Strict mode wants every property required and none beside them, at each level.
    let private record (properties: (string * Map<string, obj>) list) : Map<string, obj> =
        Map [
            "type", value "object"
            "properties", value (Map properties)
            "required", value (properties |> List.map fst |> List.toArray)
            "additionalProperties", value false
        ]

    let private orNull description =
        typed [| "string"; "null" |] |> described description

    /// The JSON Schema as it is sent.
    let json: string =
        record [
            "reply",
            typed "string"
            |> described $"What is said to the customer, at most %d{replyLimit} characters, plain text."
            "intent", choice intents |> described "What the customer wants with the last messages."
            "sentiment", choice sentiments |> described "How the customer seems to feel."
            "language", choice languages |> described "The language that the customer writes in."
            "ticket",
            record [
                "title",
                orNull
                    "One short line about the problem in the customer's language, or null if there is none."
                "description", orNull "The problem in the customer's own words, or null if there is none."
                "email", orNull "The e-mail address that the customer gave, or null."
            ]
            |> described "What a support ticket would hold, only from what the customer wrote."
            "needs_person",
            typed "boolean"
            |> described "True when the customer asks for a person or the matter needs one."
            "knows",
            typed "boolean"
            |> described "False when the reference material does not answer the question."
            "sources",
            (typed "array").Add("items", typed "string")
            |> described "The source names of the passages that the reply rests on."
        ]
        |> JsonSerializer.Serialize

    let private property (name: string) (element: JsonElement) : Result<JsonElement, string> =
        match element.ValueKind, lazy (element.TryGetProperty name) with
        | JsonValueKind.Object, Lazy(true, value) -> Ok value
        | _ -> Error $"\"%s{name}\" is missing"

    let private textOf name element =
        property name element
        |> Result.bind (fun value ->
            match value.ValueKind with
            | JsonValueKind.String -> Ok(value.GetString() |> Option.ofObj |> Option.defaultValue "")
            | _ -> Error $"\"%s{name}\" is not a text")

    let private optionalText name element =
        property name element
        |> Result.bind (fun value ->
            match value.ValueKind with
            | JsonValueKind.Null -> Ok None
            | JsonValueKind.String ->
                let text = value.GetString() |> Option.ofObj |> Option.defaultValue ""
                Ok(if String.IsNullOrWhiteSpace text then None else Some text)
            | _ -> Error $"\"%s{name}\" is neither a text nor null")

    let private truthOf name element =
        property name element
        |> Result.bind (fun value ->
            match value.ValueKind with
            | JsonValueKind.True -> Ok true
            | JsonValueKind.False -> Ok false
            | _ -> Error $"\"%s{name}\" is neither true nor false")

    let private oneOf (names: (string * 'meaning) list) name element =
        textOf name element
        |> Result.bind (fun text ->
            match List.tryFind (fun (known, _) -> known = text) names with
            | Some(_, meaning) -> Ok meaning
            | None -> Error $"\"%s{name}\" is none of the choices")

    let private textsOf name element =
        property name element
        |> Result.bind (fun value ->
            match value.ValueKind with
            | JsonValueKind.Array ->
                Ok [
                    for item in value.EnumerateArray() do
                        if item.ValueKind = JsonValueKind.String then
                            match item.GetString() with
                            | null -> ()
                            | text -> text
                ]
            | _ -> Error $"\"%s{name}\" is not a list")

    // The first property that does not fit ends the reading.
    type private Reading() =
        member _.Bind(result: Result<'value, string>, next) = Result.bind next result
        member _.Return(value: 'value) : Result<'value, string> = Ok value
        member _.ReturnFrom(result: Result<'value, string>) = result

    let private reading = Reading()

    let private read (root: JsonElement) : Result<AssistantAnswer, string> = reading {
        let! reply = textOf "reply" root
        let! intent = oneOf intents "intent" root
        let! sentiment = oneOf sentiments "sentiment" root
        let! language = oneOf languages "language" root
        let! ticket = property "ticket" root
        let! title = optionalText "title" ticket
        let! description = optionalText "description" ticket
        let! email = optionalText "email" ticket
        let! needsPerson = truthOf "needs_person" root
        let! knows = truthOf "knows" root
        let! sources = textsOf "sources" root
        // Nothing to say is no answer, whatever the schema allows.
        let! reply =
            if String.IsNullOrWhiteSpace reply then
                Error "\"reply\" is empty"
            else
                Ok reply

        return {
            Reply = Excerpt.cut replyLimit reply
            Intent = intent
            Sentiment = sentiment
            Language = language
            Hints = {
                Title = title
                Description = description
                Email = email
            }
            NeedsPerson = needsPerson
            Knows = knows
            Sources = sources
        }
    }

    /// Reads the model's output. The error names the property that does not fit and nothing of what it holds.
    let decode (output: string) : Result<AssistantAnswer, string> =
        try
            use document = JsonDocument.Parse output

            read document.RootElement
        with :? JsonException ->
            Error "it is no JSON"

    let private refusalReply =
        function
        | Spanish ->
            "Con eso no puedo ayudarte. Si tienes una consulta sobre nuestra tienda, dímelo y lo vemos."
        | English ->
            "I can't help with that. If you have a question about our shop, tell me and we'll sort it out."
        | Portuguese ->
            "Não posso ajudar com isso. Se tiver uma dúvida sobre a nossa loja, diga e nós resolvemos."

    /// The answer that is given where the model refuses to answer: polite, and it knows nothing.
    let refusal (request: AssistantRequest) : AssistantAnswer = {
        Reply = refusalReply request.Language
        Intent = request.Hint |> Option.defaultValue AsksSomething
        Sentiment = Neutral
        Language = request.Language
        Hints = {
            Title = None
            Description = None
            Email = None
        }
        NeedsPerson = false
        Knows = false
        Sources = []
    }
