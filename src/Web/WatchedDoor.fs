/// Meta's doors with a span and numbers for each request.
module FunctionalBot.Web.WatchedDoor

open System
open System.Diagnostics
open System.Diagnostics.Metrics
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Effects
open FunctionalBot.Effects.Telemetry

let private count (instruments: Instruments) (verdict: string) =
    instruments.Received.Add(1L, Label.tag "bot.verdict" verdict)

let private describe (instruments: Instruments) (body: ReceivedBody) =
    match Activity.Current, body.Updates with
    | NonNull span, Ok updates when obj.ReferenceEquals(span.Source, instruments.Source) ->
        span.SetTag("bot.updates", updates.Length) |> ignore
    | _ -> ()

let private verdict (body: ReceivedBody) =
    match body.Updates with
    | Ok _ -> "stored"
    | Error _ -> "unreadable"

let private stored (instruments: Instruments) (receiver: Webhook.Receiver) (body: ReceivedBody) : Task = task {
    describe instruments body

    try
        do!
            receiver.Store {
                body with
                    Trace = Trace.current instruments.Source
            }

        count instruments (verdict body)
    with fault ->
        count instruments "not stored"
        return! Task.FromException<unit> fault
}

/// Bodies are stored with the trace of their request, and counted by what became of them.
let receiver (instruments: Instruments) (receiver: Webhook.Receiver) : Webhook.Receiver = {
    receiver with
        Store =
            fun body ->
                if instruments.WatchesDoor then
                    stored instruments receiver body
                else
                    receiver.Store body
}

/// The door is open to everybody, so that a traceparent that comes with a request begins no trace of ours and
/// decides nothing about it: it is linked.
let private links (context: HttpContext) : ActivityLink seq =
    match context.Request.Headers.TryGetValue "traceparent" with
    | true, values ->
        let caller = Trace.parse (Some(values.ToString()))

        if caller.TraceId = ActivityTraceId() then
            []
        else
            [ ActivityLink caller ]
    | _ -> []

/// A door, and what is counted of it.
[<NoComparison; NoEquality>]
type private Door = {
    Route: string
    /// Whether anybody listens; where nobody does, a request is received as it is.
    IsWatched: bool
    Duration: Histogram<float>
    /// Counts what became of a request, by the status of its answer.
    Count: int -> unit
}

let private begun (instruments: Instruments) (door: Door) (context: HttpContext) : Activity | null =
    if not (instruments.Source.HasListeners()) then
        null
    else
        let activity =
            Trace.start
                instruments.Source
                ("POST " + door.Route)
                ActivityKind.Server
                (ActivityContext())
                (links context)

        match activity with
        | null -> ()
        | span ->
            span.SetTag("http.request.method", "POST").SetTag("http.route", door.Route)
            |> ignore

        activity

let private ended (door: Door) (took: TimeSpan) (status: int) (activity: Activity | null) =
    door.Duration.Record took.TotalSeconds
    door.Count status

    match activity with
    | null -> ()
    | span ->
        span.SetTag("http.response.status_code", status) |> ignore

        if status >= 500 then
            span.SetStatus ActivityStatusCode.Error |> ignore

        span.Dispose()

let private watched
    (instruments: Instruments)
    (door: Door)
    (elapsed: unit -> TimeSpan)
    (receive: HttpContext -> Task)
    (context: HttpContext)
    : Task =
    if not door.IsWatched then
        receive context
    else
        task {
            let start = elapsed ()
            let activity = begun instruments door context

            try
                do! receive context
                ended door (elapsed () - start) context.Response.StatusCode activity
            with fault ->
                // The caller went away, or a fault of this program; the web server answers 500 or nothing.
                Trace.fail fault activity
                ended door (elapsed () - start) 500 activity
                return! Task.FromException<unit> fault
        }

/// `Webhook.receive`, watched.
let receive
    (instruments: Instruments)
    (elapsed: unit -> TimeSpan)
    (receive: HttpContext -> Task)
    (context: HttpContext)
    : Task =
    // What was stored, or was not, the receiver counts.
    let door = {
        Route = "/webhook"
        IsWatched = instruments.WatchesDoor
        Duration = instruments.Acknowledged
        Count =
            fun status ->
                match status with
                | 401 ->
                    count instruments "rejected"
                    instruments.Rejected.Add 1L
                | 413 -> count instruments "too large"
                | _ -> ()
    }

    watched instruments door elapsed receive context

/// What became of a request of the form's endpoint, by the status of its answer.
let private formVerdict (status: int) : string =
    match status with
    | 200 -> "answered"
    | 427 -> "over"
    | 421 -> "not decrypted"
    | 432 -> "rejected"
    | 413 -> "too large"
    | 400 -> "not understood"
    | _ -> "failed"

/// `FlowDoor.receive`, watched.
let receiveForm
    (instruments: Instruments)
    (elapsed: unit -> TimeSpan)
    (receive: HttpContext -> Task)
    (context: HttpContext)
    : Task =
    let door = {
        Route = "/flow"
        IsWatched = instruments.WatchesForms
        Duration = instruments.FormDuration
        Count = fun status -> instruments.FormRequests.Add(1L, Label.tag "bot.verdict" (formVerdict status))
    }

    watched instruments door elapsed receive context
