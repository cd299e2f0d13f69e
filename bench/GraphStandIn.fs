/// The least of a Graph API that the bot can send to: it tells of every message and answers. The emulator of
/// WhatsApp checks and keeps much more, and would be what is measured. It sends no status webhooks, of which Meta
/// sends two or three for each message.
module FunctionalBot.Bench.GraphStandIn

open System
open System.Buffers
open System.Text.Json
open System.Text
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.AspNetCore.Http
open Microsoft.Extensions.Logging

/// A stand-in that listens.
[<NoComparison; NoEquality>]
type GraphStandIn = {
    /// What WHATSAPP_GRAPH_URL is set to.
    Url: string
    Stop: unit -> Task
}

/// A message that the bot sent.
[<Struct>]
type Said = {
    /// The text, whatever the kind of the message.
    Text: string
    /// The key of its command: the session, the version of the event that it follows from, and its ordinal.
    Key: string
}

/// What was said; None for a read mark.
let private saidBy (body: ReadOnlySequence<byte>) : Said option =
    use document = JsonDocument.Parse body
    let root = document.RootElement

    let inside (names: string list) =
        (Some root, names)
        ||> List.fold (fun element name ->
            element
            |> Option.bind (fun element ->
                match element.TryGetProperty name with
                | true, found -> Some found
                | _ -> None))
        |> Option.bind (fun element -> Option.ofObj (element.GetString()))

    inside [ "text"; "body" ]
    |> Option.orElse (inside [ "interactive"; "body"; "text" ])
    |> Option.map (fun text -> {
        Text = text
        Key = inside [ "biz_opaque_callback_data" ] |> Option.defaultValue ""
    })

/// Starts it on a free port of 127.0.0.1. Each call is answered after the delay that `delay` gives for its number;
/// just before the answer `arrived` is told of the message. Both must be quick and safe to call from several threads.
let start (delay: int64 -> TimeSpan) (arrived: Said -> unit) : GraphStandIn =
    let builder =
        WebApplication.CreateSlimBuilder [| "--hostBuilder:reloadConfigOnChange=false" |]

    builder.Logging.ClearProviders() |> ignore

    builder.WebHost
        .UseUrls("http://127.0.0.1:0")
        .ConfigureKestrel(fun options -> options.AddServerHeader <- false)
    |> ignore

    let app = builder.Build()
    let mutable calls = 0L
    let mutable number = 0L

    let answer (context: HttpContext) (text: string) : Task =
        let bytes = Encoding.UTF8.GetBytes text
        context.Response.ContentType <- "application/json"
        context.Response.ContentLength <- Nullable(int64 bytes.Length)
        context.Response.Body.WriteAsync(bytes).AsTask()

    let receive (context: HttpContext) : Task = task {
        let reader = context.Request.BodyReader
        let mutable whole = None

        while whole.IsNone do
            let! result = reader.ReadAsync()

            if result.IsCompleted then
                whole <- Some(saidBy result.Buffer)
                reader.AdvanceTo result.Buffer.End
            else
                reader.AdvanceTo(result.Buffer.Start, result.Buffer.End)

        let pause = delay (Threading.Interlocked.Increment &calls)

        if pause > TimeSpan.Zero then
            do! Task.Delay pause

        match whole with
        | Some(Some said) ->
            arrived said
            let id = Threading.Interlocked.Increment &number

            do!
                answer
                    context
                    $"""{{"messaging_product":"whatsapp","contacts":[],"messages":[{{"id":"wamid.sent.%d{id}"}}]}}"""
        | _ -> do! answer context """{"success":true}"""
    }

    app.MapPost("/{version}/{phone}/messages", RequestDelegate receive) |> ignore
    app.StartAsync().GetAwaiter().GetResult()

    {
        Url = Seq.head app.Urls + "/v25.0"
        Stop = fun () -> app.DisposeAsync().AsTask()
    }
