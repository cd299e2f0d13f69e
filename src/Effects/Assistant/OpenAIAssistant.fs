// The whole Responses part of the package is marked experimental; F# reports that as warning 57. It stays
// in this file.
#nowarn "57"

namespace FunctionalBot.Effects

open System
open System.ClientModel
open System.ClientModel.Primitives
open System.IO
open System.Net.Http
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open OpenAI.Responses

/// The assistant over OpenAI's Responses, or over any server that speaks them. Nothing is kept at OpenAI
/// (`store: false`): the conversation is the bot's own and is sent along with each turn.
module OpenAIAssistant =

    /// How the service is reached and what it is told.
    [<NoComparison; NoEquality>]
    type Settings = {
        ApiKey: string
        /// For example "gpt-6-luna".
        Model: string
        /// With the version, for example "https://api.openai.com/v1".
        BaseUrl: Uri
        /// How long one answer may take.
        Timeout: TimeSpan
        Instructions: BusinessInstructions
    }

    /// The model that is used where none is named: the cheapest that takes text and images (October 2026).
    let defaultModel = "gpt-6-luna"

    /// OpenAI's own address.
    let defaultBaseUrl = Uri "https://api.openai.com/v1"

    /// Room for the reply, the other properties and low-effort reasoning.
    let private outputTokens = 2000

    let private item (speaker: Speaker, text: string) : ResponseItem =
        match speaker with
        | CustomerSaid -> ResponseItem.CreateUserMessageItem text
        | BotSaid -> ResponseItem.CreateAssistantMessageItem text

    /// How much of a message that is answered goes along, in UTF-16 units.
    let private aboutLimit = 600

    /// What the customer says now, with the message that it answers in front. That stands in the customer's role: what
    /// the bot said may repeat what the customer wrote.
    let private answering (about: string option) (now: (Speaker * string) list) =
        match about, now with
        | Some about, (CustomerSaid, first) :: rest ->
            (CustomerSaid, $"(about: “%s{Excerpt.cut aboutLimit about}”)\n%s{first}")
            :: rest
        | _ -> now

    let private optionsOf (settings: Settings) (request: AssistantRequest) (thread: (Speaker * string) list) =
        let isNow =
            List.rev thread |> List.takeWhile (fun (speaker, _) -> speaker = CustomerSaid)

        let earlier = List.take (thread.Length - isNow.Length) thread
        let now = List.rev isNow
        let words = now |> List.map snd |> String.concat "\n"

        let before =
            earlier
            |> List.tryFindBack (fun (speaker, _) -> speaker = CustomerSaid)
            |> Option.map snd

        let passages = AssistantInstructions.passages settings.Instructions words before

        let items = [
            yield! List.map item earlier
            // The passages are the business's own and trusted. In the developer role no customer can forge
            // them.
            ResponseItem.CreateDeveloperMessageItem(AssistantInstructions.reference request passages)
            yield! now |> answering request.About |> List.map item
        ]

        let options = CreateResponseOptions(settings.Model, items)
        options.Instructions <- AssistantInstructions.text settings.Instructions
        options.StoredOutputEnabled <- Nullable false
        options.MaxOutputTokenCount <- Nullable outputTokens
        options.SafetyIdentifier <- request.SafetyIdentifier
        // No temperature: models that reason refuse it.
        options.ReasoningOptions <-
            ResponseReasoningOptions(ReasoningEffortLevel = Nullable ResponseReasoningEffortLevel.Low)

        options.TextOptions <-
            ResponseTextOptions(
                TextFormat =
                    ResponseTextFormat.CreateJsonSchemaFormat(
                        AnswerSchema.name,
                        BinaryData.FromString AnswerSchema.json,
                        "One turn of the support conversation.",
                        Nullable true
                    )
            )

        options, passages |> List.map Passage.name |> Set.ofList

    /// What one call gave.
    type private Output =
        | Text of string
        | Refusal
        | CutShort of reason: string
        | Failure of AssistantFailure

    let private outputOf (response: ResponseResult) : Output =
        let parts =
            response.OutputItems
            |> Seq.collect (fun item ->
                match item with
                | :? MessageResponseItem as message -> Seq.cast<ResponseContentPart> message.Content
                | _ -> Seq.empty)
            |> List.ofSeq

        let refuses =
            parts |> List.exists (fun part -> part.Kind = ResponseContentPartKind.Refusal)

        let text =
            parts
            |> List.filter (fun part -> part.Kind = ResponseContentPartKind.OutputText)
            |> List.map _.Text
            |> String.concat ""

        match Option.ofNullable response.Status with
        | Some ResponseStatus.Failed ->
            let code =
                match Option.ofObj response.Error with
                | Some error -> string error.Code
                | None -> "no code"

            Failure(OpenAIFailures.ofFailedResponse code)
        | Some ResponseStatus.Incomplete ->
            let reason =
                Option.ofObj response.IncompleteStatusDetails
                |> Option.bind (fun details -> Option.ofNullable details.Reason)
                |> Option.map string
                |> Option.defaultValue "no reason"

            if reason = "content_filter" then
                Refusal
            else
                CutShort reason
        | Some ResponseStatus.Completed
        | None -> if refuses then Refusal else Text text
        | Some other -> Failure(AskAgain(None, $"OpenAI has not finished the answer (%s{string other})"))

    // The retries of the package would come on top of the outbox's and cannot tell a billing error from a
    // rate limit.
    let private clientOf (settings: Settings) =
        let options =
            ResponsesClientOptions(
                Endpoint = settings.BaseUrl,
                NetworkTimeout = Nullable settings.Timeout,
                RetryPolicy = ClientRetryPolicy 0
            )

        ResponsesClient(ApiKeyCredential settings.ApiKey, options)

    let private ofClientException (problem: ClientResultException) =
        match problem.GetRawResponse() with
        | null -> AskAgain(None, "OpenAI could not be reached")
        | response ->
            let header (name: string) =
                match response.Headers.TryGetValue name with
                | true, value -> Option.ofObj value
                | _ -> None

            let body =
                // A body that was not buffered throws when it is asked for; it says nothing then.
                try
                    response.Content.ToString()
                with :? InvalidOperationException ->
                    ""

            OpenAIFailures.ofStatus
                response.Status
                (OpenAIFailures.codeOf body)
                (OpenAIFailures.retryAfter header)

    /// Null where the exception is not one that a network or a service brings about.
    let rec private ofException (timeout: TimeSpan) (problem: exn) : AssistantFailure option =
        match problem with
        | :? AggregateException as several when not (isNull several.InnerException) ->
            ofException timeout (nonNull several.InnerException)
        | :? ClientResultException as problem -> Some(ofClientException problem)
        | :? OperationCanceledException
        | :? TimeoutException ->
            Some(AskAgain(None, $"OpenAI gave no answer within %.0f{timeout.TotalSeconds} s"))
        | :? HttpRequestException
        | :? IOException -> Some(AskAgain(None, "OpenAI could not be reached"))
        | :? JsonException
        | :? FormatException
        | :? InvalidOperationException
        | :? Collections.Generic.KeyNotFoundException ->
            Some(
                AskAgain(
                    None,
                    "OpenAI's answer could not be read: is OPENAI_BASE_URL a server that speaks Responses?"
                )
            )
        | _ -> None

    /// The assistant over this service. It never throws for what a network or the service can do; when the
    /// caller's token is cancelled, the task is cancelled. An output that is not the schema is asked for
    /// once more at once, then it cannot be answered; a refusal by the model is a polite answer that does
    /// not know.
    let create (settings: Settings) : AssistantPort =
        let client = clientOf settings
        let hosts = AssistantInstructions.hosts settings.Instructions

        let call (options: CreateResponseOptions) (cancelled: CancellationToken) : Task<Output> = task {
            use limited = CancellationTokenSource.CreateLinkedTokenSource cancelled
            limited.CancelAfter settings.Timeout

            try
                let! result = client.CreateResponseAsync(options, limited.Token)
                return outputOf result.Value
            with problem when not cancelled.IsCancellationRequested ->
                match ofException settings.Timeout problem with
                | Some failure -> return Failure failure
                | None -> return raise problem
        }

        let rec attempt triesLeft (request: AssistantRequest) thread cancelled = task {
            let options, sources = optionsOf settings request thread
            let! output = call options cancelled

            let again problem =
                if triesLeft > 0 then
                    attempt (triesLeft - 1) request thread cancelled
                else
                    Task.FromResult(
                        Error(CannotAnswer $"OpenAI's answer is not what was asked for: %s{problem}")
                    )

            match output with
            | Failure failure -> return Error failure
            | Refusal -> return Ok(AnswerSchema.refusal request)
            | CutShort reason -> return! again $"it was cut short (%s{reason})"
            | Text text ->
                match AnswerSchema.decode text with
                | Error problem -> return! again problem
                | Ok answer ->
                    match Links.keep hosts answer.Reply with
                    | "" -> return! again "nothing but a foreign link"
                    | reply ->
                        let named = answer.Sources |> List.filter sources.Contains |> List.distinct

                        return
                            Ok {
                                answer with
                                    Reply = reply
                                    Sources = named
                            }
        }

        {
            Ask =
                fun request cancelled ->
                    match ThreadWindow.recent request.Thread with
                    | [] ->
                        Task.FromResult(
                            Error(CannotAnswer "The conversation holds no words of the customer.")
                        )
                    | thread -> attempt 1 request thread cancelled
        }
