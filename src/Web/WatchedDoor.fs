/// Meta's door with a span and numbers for each body.
module FunctionalBot.Web.WatchedDoor

open System
open System.Diagnostics
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

let private begun (instruments: Instruments) (context: HttpContext) : Activity | null =
    if not (instruments.Source.HasListeners()) then
        null
    else
        let activity =
            Trace.start
                instruments.Source
                "POST /webhook"
                ActivityKind.Server
                (ActivityContext())
                (links context)

        match activity with
        | null -> ()
        | span ->
            span.SetTag("http.request.method", "POST").SetTag("http.route", "/webhook")
            |> ignore

        activity

let private ended (instruments: Instruments) (took: TimeSpan) (status: int) (activity: Activity | null) =
    instruments.Acknowledged.Record(took.TotalSeconds)

    match status with
    | 401 ->
        count instruments "rejected"
        instruments.Rejected.Add 1L
    | 413 -> count instruments "too large"
    | _ -> ()

    match activity with
    | null -> ()
    | span ->
        span.SetTag("http.response.status_code", status) |> ignore

        if status >= 500 then
            span.SetStatus ActivityStatusCode.Error |> ignore

        span.Dispose()

let private watched
    (instruments: Instruments)
    (elapsed: unit -> TimeSpan)
    (receive: HttpContext -> Task)
    (context: HttpContext)
    : Task = task {
    let start = elapsed ()
    let activity = begun instruments context

    try
        do! receive context
        ended instruments (elapsed () - start) context.Response.StatusCode activity
    with fault ->
        // The caller went away, or a fault of this program; the web server answers 500 or nothing.
        Trace.fail fault activity
        ended instruments (elapsed () - start) 500 activity
        return! Task.FromException<unit> fault
}

/// `Webhook.receive`, watched. Where nobody listens it is called as it is.
let receive
    (instruments: Instruments)
    (elapsed: unit -> TimeSpan)
    (receive: HttpContext -> Task)
    (context: HttpContext)
    : Task =
    if instruments.WatchesDoor then
        watched instruments elapsed receive context
    else
        receive context
