/// `bot serve`: the web host and the engine in one process, started and stopped in order.
module FunctionalBot.Web.Host

open System
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.AspNetCore.Http
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Hosting
open Microsoft.Extensions.Logging
open Serilog
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Telemetry
open FunctionalBot.Web.Configuration
open FunctionalBot.Web.Health

/// What an action is called in logs; its content is personal.
let private actionName action =
    match action with
    | Say _ -> "Say"
    | MarkRead _ -> "MarkRead"
    | AskAssistant _ -> "AskAssistant"
    | CreateTicket _ -> "CreateTicket"
    | AddToTicket _ -> "AddToTicket"
    | LookUpTickets _ -> "LookUpTickets"
    | FetchFile _ -> "FetchFile"
    | AttachToTicket _ -> "AttachToTicket"
    | React _ -> "React"
    | SetTimer _ -> "SetTimer"
    | CancelTimer _ -> "CancelTimer"

let private engineLog (log: Serilog.ILogger) (spans: CommandSpans) : Engine.EngineLog = {
    Trouble = fun worker fault -> log.Warning(fault, "{Worker} cannot go on for now and tries again", worker)
    Recovered = fun worker -> log.Information("{Worker} goes on again", worker)
    CommandFailed =
        fun command reason ->
            Logging.warnWithin
                log
                (Composition.world.Now())
                (spans.TraceOf command)
                "{Action} {Key}: {Reason}"
                [| actionName command.Action; CommandKey.text command.Key; reason |]
}

/// Why a start is given up.
type StartProblem =
    /// The database is of another build; nothing was changed.
    | UnfitDatabase of string

/// Brings the database to this build's schema and reads its clock. A database that cannot be reached is waited
/// for.
let private migrate
    (configuration: Configuration)
    (world: World)
    (clock: Store.DatabaseClock)
    (log: Serilog.ILogger)
    (waiting: string -> unit)
    (cancel: CancellationToken)
    = task {
    let mutable result = None
    let mutable told = false

    let prepare () = task {
        match! Migrations.run configuration.Database with
        | Error problem -> return Error problem
        | Ok applied ->
            for migration in applied do
                log.Information("Applied migration {Migration}", migration.Name)

            try
                do! clock.Measure()
                return Ok()
            with StoreUnavailable(message, _) ->
                return Error(DatabaseUnreachable message)
    }

    while result.IsNone && not cancel.IsCancellationRequested do
        match! prepare () with
        | Ok() -> result <- Some(Ok())
        | Error(DatabaseUnreachable message) ->
            waiting "The database cannot be reached."

            if not told then
                told <- true
                log.Warning("The database cannot be reached; waiting for it: {Message}", message)

            do! world.Delay (TimeSpan.FromSeconds 1.) cancel
        | Error problem -> result <- Some(Error(UnfitDatabase(Migrations.explain problem)))

    return result
}

let private build (configuration: Configuration) (log: Serilog.ILogger) =
    let builder =
        WebApplication.CreateSlimBuilder [| "--hostBuilder:reloadConfigOnChange=false" |]

    builder.Logging.ClearProviders().AddSerilog(log) |> ignore

    builder.WebHost
        .UseUrls(configuration.Urls.Split ';')
        .ConfigureKestrel(fun options ->
            options.AddServerHeader <- false
            options.Limits.MaxRequestBodySize <- Nullable(int64 Webhook.bodyLimit))
    |> ignore

    builder.Services.Configure<HostOptions>(fun (options: HostOptions) ->
        options.ShutdownTimeout <- TimeSpan.FromSeconds 30.)
    |> ignore

    builder.Build()

/// The version of this program, for the collector.
let private version =
    match Reflection.Assembly.GetExecutingAssembly().GetName().Version with
    | null -> "unknown"
    | found -> found.ToString 3

/// Exports spans and metrics until it is disposed, where a collector is named.
let private exporting (configuration: Configuration) (log: Serilog.ILogger) : IDisposable | null =
    match configuration.Telemetry with
    | Some settings ->
        log.Information("Spans and metrics go to {Collector}", settings.Endpoint.Authority)
        TelemetryExport.start settings version
    | None -> null

let private handler (work: HttpContext -> Task) = RequestDelegate work

/// Tells operators of a clock that is wrong, once for each time that it changes by more than this.
let private clockLog (log: Serilog.ILogger) : TimeSpan -> unit =
    let worthTelling = TimeSpan.FromSeconds 2.
    let told = ref TimeSpan.Zero

    fun offset ->
        if (offset - told.Value).Duration() > worthTelling then
            told.Value <- offset

            log.Warning(
                "PostgreSQL's clock is {Seconds} s ahead of this machine's. The bot goes by PostgreSQL's; set both",
                Math.Round(offset.TotalSeconds, 1)
            )

/// Runs until the process is asked to stop. `machine` has the clock of this machine; what other nodes read is
/// written by PostgreSQL's. Stopping closes the door first, then finishes what the engine holds.
let run
    (machine: World)
    (configuration: Configuration)
    (texts: NumberTexts.Texts)
    (log: Serilog.ILogger)
    (reached: Engine.Milestone -> unit)
    : Task<Result<unit, StartProblem>> = task {
    let storeSettings: Store.Settings = {
        Store.Settings.ofConnectionString configuration.Database with
            ParkFor = configuration.UnknownWait
            TracesTimers = configuration.Telemetry.IsSome
    }

    let store = Store.PostgresStore.create storeSettings Transition.evolve machine

    let world = store.Clock.World
    use instruments = new Instruments()
    let spans = CommandSpans()
    let watched = WatchedStore.create instruments spans world store.Port
    let countAccounts = AccountGauges.create instruments world watched
    use _ = exporting configuration log
    let threads = Threads.create Composition.keptThreads watched.ReadStream
    let port = Threads.following threads watched

    let tokens =
        TokenFile.ofNumbers
            world
            (fun path ->
                log.Warning(
                    "There is no token in the file {Path}, or it cannot be read; the token stays",
                    path
                ))
            configuration.Numbers

    let alarms = Alarms.create world port log

    let fileStore = Composition.fileStore world configuration
    let files = Composition.files world configuration tokens.Of fileStore store.Files

    let services =
        Composition.services world configuration texts port threads tokens.Of files
        |> Protection.protect configuration port (engineLog log spans) log

    let services = {
        services with
            WhatsApp = Alarms.onRefusals alarms services.WhatsApp
    }

    let lateTemplates =
        Composition.lateTemplates world configuration port services.WhatsApp

    let reception = Composition.reception configuration

    let decide work =
        Reception.decide reception (world.Now()) world.NewId work

    let engine =
        Engine.create
            (Composition.engineSettings configuration)
            world
            port
            decide
            (Interpreter.run services
             |> LateTemplate.around world lateTemplates
             |> WatchedCommands.run instruments spans world)
            (engineLog log spans)
            reached

    let receiver = Webhook.receiver world port engine.Wake |> Alarms.atDoor alarms

    let startup = ref (Starting "The database is being prepared.")

    let door: Webhook.WebhookSettings = {
        AppSecrets = configuration.WhatsApp.AppSecrets
        VerifyToken = configuration.WhatsApp.VerifyToken
    }

    // Until the schema is there, nothing can be stored: Meta is told to send again.
    let gated: Webhook.Receiver = {
        receiver with
            Store =
                fun body ->
                    match startup.Value with
                    | Started -> receiver.Store body
                    | Starting reason ->
                        Task.FromException(StoreUnavailable(reason, InvalidOperationException reason))
    }

    let app = build configuration log
    let now = world.Now

    app.MapGet("/webhook", handler (Webhook.handshake door)) |> ignore

    let answered () = reached Engine.BodiesStored

    // What another fault says may quote the message.
    let notStored (fault: exn) =
        let reason =
            match fault with
            | StoreUnavailable(message, _) -> message
            | other -> other.GetType().Name

        log.Warning("A webhook was not stored and is to be sent again: {Reason}", reason)

    let receive =
        Webhook.receive door now (WatchedDoor.receiver instruments gated) answered notStored

    app.MapPost("/webhook", handler (WatchedDoor.receive instruments world.Elapsed receive))
    |> ignore

    let tellOfForm (words: string) = log.Warning("{Problem}", words)

    match Composition.flowDoor configuration texts port tellOfForm with
    | Some settings ->
        let receive =
            WatchedDoor.receiveForm instruments world.Elapsed (FlowDoor.receive settings)

        app.MapPost("/flow", handler receive) |> ignore
    | None -> ()

    app.MapGet("/healthz", handler Health.live) |> ignore

    app.MapGet("/readyz", handler (Health.ready (fun () -> startup.Value) now port Webhook.rejectedCount))
    |> ignore

    do! app.StartAsync()
    log.Information("Listening on {Urls}", configuration.Urls)
    use stopping = new CancellationTokenSource()
    let lifetime = app.Lifetime
    use _ = lifetime.ApplicationStopping.Register(fun () -> stopping.Cancel())

    let! migrated = task {
        try
            let waiting reason = startup.Value <- Starting reason
            return! migrate configuration world store.Clock log waiting stopping.Token
        with :? OperationCanceledException ->
            return None
    }

    match migrated with
    | Some(Error problem) ->
        do! app.StopAsync()
        do! store.Close()
        return Error problem
    | None ->
        do! app.StopAsync()
        do! store.Close()
        return Ok()
    | Some(Ok()) ->
        use engineStop = new CancellationTokenSource()
        use receiverStop = new CancellationTokenSource()
        use countingStop = new CancellationTokenSource()
        let receiving = receiver.Run receiverStop.Token
        do! Protection.announce configuration world port
        let working = engine.Run engineStop.Token

        let forgetting =
            Retention.run
                (Retention.settingsFor configuration.Limits.Keep)
                world
                port
                (fun rows -> log.Information("Deleted {Rows} rows that ended long ago", rows))
                (fun fault -> log.Warning(fault, "Deleting old rows broke off; it goes on in an hour"))
                engineStop.Token

        let forgettingFiles =
            FileRetention.run
                FileRetention.standard
                world
                store.Files
                fileStore
                (fun files ->
                    log.Information("Deleted {Files} files of customers whose time was over", files))
                (fun fault -> log.Warning(fault, "Deleting old files broke off; it goes on in an hour"))
                engineStop.Token

        // Counting costs a query: it is done where somebody is told.
        let counting =
            match configuration.Telemetry with
            | Some _ -> countAccounts countingStop.Token
            | None -> Task.CompletedTask

        let tellOfClock = clockLog log
        tellOfClock (store.Clock.Offset())
        let measuring = store.Clock.Keep tellOfClock engineStop.Token
        let replaced () = Protection.tokenReplaced world log port
        let keepingToken = tokens.Keep replaced engineStop.Token
        startup.Value <- Started
        log.Information "Ready"

        do! app.WaitForShutdownAsync()
        log.Information "Stopping: finishing what is under way"
        receiverStop.Cancel()
        do! receiving
        engineStop.Cancel()
        do! working
        do! forgetting
        do! forgettingFiles
        countingStop.Cancel()
        do! counting
        do! measuring
        do! keepingToken
        do! store.Close()
        log.Information "Stopped"
        return Ok()
}
