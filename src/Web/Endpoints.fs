/// The paths that a node answers at.
module FunctionalBot.Web.Endpoints

open System
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open FunctionalBot.Effects
open FunctionalBot.Web.Health
open FunctionalBot.Web.Node

let private handler (work: HttpContext -> Task) = RequestDelegate work

/// Until the schema is there, nothing can be stored: Meta is told to send again.
let private onceStarted (startup: unit -> Startup) (receiver: Webhook.Receiver) : Webhook.Receiver = {
    receiver with
        Store =
            fun body ->
                match startup () with
                | Started -> receiver.Store body
                | Starting reason ->
                    Task.FromException(StoreUnavailable(reason, InvalidOperationException reason))
}

let private tellNotStored (log: Serilog.ILogger) (fault: exn) =
    let reason =
        match fault with
        | StoreUnavailable(message, _) -> message
        // What another fault says may quote the message.
        | other -> other.GetType().Name

    log.Warning("A webhook was not stored and is to be sent again: {Reason}", reason)

/// GET and POST of /webhook: Meta's check of the address, and its bodies.
let private mapWebhook
    (app: WebApplication)
    (node: Node)
    (startup: unit -> Startup)
    (answered: unit -> unit)
    =
    let settings: Webhook.WebhookSettings = {
        AppSecrets = node.Configuration.WhatsApp.AppSecrets
        VerifyToken = node.Configuration.WhatsApp.VerifyToken
    }

    let receiver =
        node.Receiver |> onceStarted startup |> WatchedDoor.receiver node.Instruments

    let receive =
        Webhook.receive settings node.World.Now receiver answered (tellNotStored node.Log)
        |> WatchedDoor.receive node.Instruments node.World.Elapsed

    app.MapGet("/webhook", handler (Webhook.handshake settings)) |> ignore
    app.MapPost("/webhook", handler receive) |> ignore

/// POST of /flow, where there is a key for the form's endpoint.
let private mapForm (app: WebApplication) (node: Node) (texts: NumberTexts.Texts) =
    let tell (words: string) = node.Log.Warning("{Problem}", words)

    match Composition.flowDoor node.Configuration texts node.Store tell with
    | Some settings ->
        let receive =
            FlowDoor.receive settings
            |> WatchedDoor.receiveForm node.Instruments node.World.Elapsed

        app.MapPost("/flow", handler receive) |> ignore
    | None -> ()

let private mapHealth (app: WebApplication) (node: Node) (startup: unit -> Startup) =
    app.MapGet("/healthz", handler Health.live) |> ignore

    app.MapGet("/readyz", handler (Health.ready startup node.World.Now node.Store Webhook.rejectedCount))
    |> ignore

/// Adds all of them. `startup` says how far the node has come, `answered` hears of each body that was stored.
let map
    (app: WebApplication)
    (node: Node)
    (texts: NumberTexts.Texts)
    (startup: unit -> Startup)
    (answered: unit -> unit)
    : unit =
    mapWebhook app node startup answered
    mapForm app node texts
    mapHealth app node startup
