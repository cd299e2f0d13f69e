/// The least of a Graph API that the bot can send to: it answers at once and tells of every message. The
/// emulator of WhatsApp checks and keeps much more, and would be what is measured.
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

/// The text of a message, whatever its kind; None for a read mark.
let private textOf (body: ReadOnlySequence<byte>) : string option =
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

    match inside [ "text"; "body" ] with
    | Some text -> Some text
    | None -> inside [ "interactive"; "body"; "text" ]

/// Starts it on a free port of 127.0.0.1. `arrived` is told the text of each message as it comes; it must
/// be quick and safe to call from several threads. Each call is answered after the delay.
let start (delay: TimeSpan) (arrived: string -> unit) : GraphStandIn =
    let builder =
        WebApplication.CreateSlimBuilder [| "--hostBuilder:reloadConfigOnChange=false" |]

    builder.Logging.ClearProviders() |> ignore

    builder.WebHost
        .UseUrls("http://127.0.0.1:0")
        .ConfigureKestrel(fun options -> options.AddServerHeader <- false)
    |> ignore

    let app = builder.Build()
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
                whole <- Some(textOf result.Buffer)
                reader.AdvanceTo result.Buffer.End
            else
                reader.AdvanceTo(result.Buffer.Start, result.Buffer.End)

        if delay > TimeSpan.Zero then
            do! Task.Delay delay

        match whole with
        | Some(Some text) ->
            arrived text
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
