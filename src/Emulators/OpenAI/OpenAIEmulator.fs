namespace FunctionalBot.Emulators.OpenAI

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.OpenAI.Refusals

/// A running emulated OpenAI, and the handles by which a test prepares answers and looks at requests.
[<NoComparison; NoEquality>]
type Emulator = {
    /// Where it answers; the API's own base address is this with `v1` behind.
    Address: Uri
    /// How it was set up.
    Settings: Settings
    /// Puts a prepared answer behind those that wait.
    Enqueue: Scripts.Step -> unit
    /// Requests to /v1/responses, oldest first, with their bodies and without keys.
    Requests: unit -> Journal.Entry list
    /// Forgets prepared answers, stored responses and requests.
    Reset: unit -> unit
    /// Stops answering.
    Stop: unit -> Task
}

/// An OpenAI to develop and test against: the Responses API with its checks and errors, answered by rules or
/// by a script. Any number of them run side by side in one process.
module OpenAIEmulator =
    [<NoComparison; NoEquality>]
    type private State = {
        Settings: Settings
        Script: ConcurrentQueue<Scripts.Step>
        Stored: ConcurrentDictionary<string, Json>
        Journal: Journal.Journal
        NextNumber: unit -> int64
    }

    /// Images come as base64 in the body: 20 MB of characters and more.
    let private limitBytes = 52_428_800L

    let private refuse (context: HttpContext) (refusal: Refusal) : Task =
        refusal.RetryAfter
        |> Option.iter (fun seconds -> context.Response.Headers["Retry-After"] <- string seconds)

        Exchange.answerJson context refusal.Status (Refusals.toJson refusal)

    let private authorized (state: State) (context: HttpContext) : Refusal option =
        let header = Exchange.header "Authorization" context

        if not (header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) then
            Some noKey
        elif List.contains (header.Substring(7).Trim()) state.Settings.ApiKeys then
            None
        else
            Some wrongKey

    let private withKey (state: State) (handler: HttpContext -> Task) (context: HttpContext) : Task =
        context.Response.Headers["x-request-id"] <- $"req_%032x{state.NextNumber()}"

        match authorized state context with
        | Some refusal -> refuse context refusal
        | None -> handler context

    let private note (state: State) (body: Json) (status: int) (error: string) : unit =
        state.Journal.Add {
            At = state.Settings.Clock.GetUtcNow()
            Operation = "POST /v1/responses"
            Arguments = body
            Status = status
            Error = error
        }

    /// The output and ending of an answer that is a response; errors and cuts are none.
    let private outcomeOf (number: int64) (question: Requests.Question) (answer: Scripts.Answer) =
        let text = Responses.textMessage number

        match answer with
        | Scripts.Output json -> Responses.Completed, [ text "completed" (write json) ]
        | Scripts.OutputText words -> Responses.Completed, [ text "completed" words ]
        | Scripts.Refusal words -> Responses.Completed, [ Responses.refusalMessage number words ]
        | Scripts.Incomplete(reason, "") -> Responses.StoppedEarly reason, []
        | Scripts.Incomplete(reason, words) -> Responses.StoppedEarly reason, [ text "incomplete" words ]
        | Scripts.Failed(code, message) -> Responses.FailedWith(code, message), []
        | Scripts.FunctionCall(name, arguments) ->
            Responses.Completed, [ Responses.functionCall number name arguments ]
        | Scripts.HttpError _
        | Scripts.Cut
        | Scripts.Usual -> Responses.Completed, [ text "completed" (Answering.outputText question) ]

    let private nextStep (state: State) : Scripts.Step =
        match state.Script.TryDequeue() with
        | true, step -> step
        | _ -> Scripts.now Scripts.Usual

    let private respond (state: State) (context: HttpContext) (question: Requests.Question) : Task = task {
        let step = nextStep state

        if step.Delay > TimeSpan.Zero then
            do! Task.Delay(step.Delay, state.Settings.Clock, context.RequestAborted)

        match step.Answer with
        | Scripts.Cut ->
            note state question.Body 0 "cut"
            context.Abort()
        | Scripts.HttpError(status, code, retryAfter) ->
            note state question.Body status code
            do! refuse context (Refusals.ofCode status code retryAfter)
        | answer ->
            let number = state.NextNumber()
            let ending, output = outcomeOf number question answer

            let response =
                Responses.create number (state.Settings.Clock.GetUtcNow()) question ending output

            if question.Store then
                state.Stored[$"resp_%048x{number}"] <- response

            note state question.Body 200 ""
            do! Exchange.answerJson context 200 response
    }

    let private createResponse (state: State) (context: HttpContext) : Task = task {
        let! body = Exchange.readBody context

        match parse body with
        | Error _ ->
            note state Null 400 "invalid_json"
            do! refuse context (invalid "body" None "We could not parse the JSON body of your request.")
        | Ok json ->
            match Requests.check (state.Settings.Models |> List.map fst) json with
            | Error refusal ->
                note state json refusal.Status (refusal.Code |> Option.defaultValue refusal.Type)
                do! refuse context refusal
            | Ok question -> do! respond state context question
    }

    let private storedResponse (state: State) (context: HttpContext) : Task =
        let id = Exchange.routeText "id" context

        match state.Stored.TryGetValue id, context.Request.Method with
        | (true, _), "DELETE" ->
            state.Stored.TryRemove id |> ignore

            Exchange.answerJson
                context
                200
                (Fields [ "id", Text id; "object", Text "response"; "deleted", Flag true ])
        | (true, response), _ -> Exchange.answerJson context 200 response
        | _ -> refuse context (notFound $"Response with id '%s{id}' not found.")

    let private transcription (state: State) (context: HttpContext) : Task = task {
        let! refusal =
            Recordings.check (state.Settings.Models |> List.map fst) context.Request

        match refusal with
        | Some refusal -> do! refuse context refusal
        | None -> do! Exchange.answerJson context 200 Recordings.transcript
    }

    let private modelJson (id: string, shutdown: string option) : Json =
        Fields [
            "id", Text id
            "object", Text "model"
            "created", Whole 1790000000L
            "owned_by", Text "openai"
            "shutdown_date", shutdown |> Option.map Text |> Option.defaultValue Null
        ]

    let private model (state: State) (context: HttpContext) : Task =
        let id = Exchange.routeText "id" context

        match state.Settings.Models |> List.tryFind (fun (name, _) -> name = id) with
        | Some found -> Exchange.answerJson context 200 (modelJson found)
        | None -> refuse context (unknownModel id)

    let private models (state: State) (context: HttpContext) : Task =
        Exchange.answerJson
            context
            200
            (Fields [
                "object", Text "list"
                "data", Items(state.Settings.Models |> List.map modelJson)
            ])

    let private script (state: State) (context: HttpContext) (body: Json) : Task =
        match Scripts.ofJson body with
        | Ok steps ->
            List.iter state.Script.Enqueue steps
            Exchange.answerJson context 200 (Fields [ "waiting", Whole(int64 state.Script.Count) ])
        | Error problem -> Exchange.answerProblem context 400 problem

    let private reset (state: State) : unit =
        state.Script.Clear()
        state.Stored.Clear()
        state.Journal.Clear()

    let private map (state: State) (app: WebApplication) : unit =
        let api methods (path: string) (handler: HttpContext -> Task) =
            app.MapMethods(path, methods, RequestDelegate(withKey state handler)) |> ignore

        let control (methodName: string) (path: string) (handler: HttpContext -> Task) =
            app.MapMethods(path, [ methodName ], Exchange.onlyFromHere handler) |> ignore

        api [ "POST" ] "/v1/responses" (createResponse state)
        api [ "GET"; "DELETE" ] "/v1/responses/{id}" (storedResponse state)
        api [ "POST" ] "/v1/audio/transcriptions" (transcription state)
        api [ "GET" ] "/v1/models" (models state)
        api [ "GET" ] "/v1/models/{id}" (model state)

        control "GET" "/_emulator/health" (fun context ->
            Exchange.answerJson context 200 (Fields [ "status", Text "pass"; "emulator", Text "openai" ]))

        control "GET" "/_emulator/requests" (fun context ->
            Exchange.answerJson context 200 (Items(state.Journal.All() |> List.map Journal.toJson)))

        control "POST" "/_emulator/script" (Exchange.withJsonBody (script state))

        control "POST" "/_emulator/reset" (fun context ->
            reset state
            Exchange.answerJson context 200 (Fields [ "status", Text "empty" ]))

        // Assistants, threads and whatever else there is no more answer 404 in the API's own shape.
        app.MapFallback(
            RequestDelegate(fun context ->
                refuse
                    context
                    (notFound $"Invalid URL (%s{context.Request.Method} %s{string context.Request.Path})"))
        )
        |> ignore

    /// Starts an emulated OpenAI on 127.0.0.1.
    let start (settings: Settings) : Task<Emulator> = task {
        let lastNumber = [| 0L |]

        let state = {
            Settings = settings
            Script = ConcurrentQueue()
            Stored = ConcurrentDictionary()
            Journal = Journal.create 2000
            NextNumber = fun () -> Interlocked.Increment(&lastNumber[0])
        }

        let! running = Hosting.start settings.Port limitBytes (map state)

        return {
            Address = running.Address
            Settings = settings
            Enqueue = state.Script.Enqueue
            Requests = state.Journal.All
            Reset = fun () -> reset state
            Stop = running.Stop
        }
    }
