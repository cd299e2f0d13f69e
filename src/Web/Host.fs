/// `bot serve`: the web host and the engine in one process, started and stopped in order.
module FunctionalBot.Web.Host

open System
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Hosting
open Microsoft.Extensions.Logging
open Serilog
open FunctionalBot.Effects
open FunctionalBot.Effects.Telemetry
open FunctionalBot.Web.Configuration
open FunctionalBot.Web.Health
open FunctionalBot.Web.Node

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

/// What a node does beside its engine until it is told to stop: it forgets what is old, and looks at its clock and
/// its tokens.
let private chores (node: Node) (stop: CancellationToken) : Task =
    let log = node.Log

    let forgetting =
        Retention.run
            (Retention.settingsFor node.Configuration.Limits.Keep)
            node.World
            node.Store
            (fun rows -> log.Information("Deleted {Rows} rows that ended long ago", rows))
            (fun fault -> log.Warning(fault, "Deleting old rows broke off; it goes on in an hour"))
            stop

    let forgettingFiles =
        FileRetention.run
            FileRetention.standard
            node.World
            node.Database.Files
            node.FileStore
            (fun files -> log.Information("Deleted {Files} files of customers whose time was over", files))
            (fun fault -> log.Warning(fault, "Deleting old files broke off; it goes on in an hour"))
            stop

    let clock = node.Database.Clock
    let tellOfClock = clockLog log
    tellOfClock (clock.Offset())
    let measuring = clock.Keep tellOfClock stop

    let replaced () =
        Protection.tokenReplaced node.World log node.Store

    let keepingTokens = node.Tokens.Keep replaced stop
    Task.WhenAll [| forgetting; forgettingFiles; measuring; keepingTokens |]

/// Works until `stopAsked` ends, and finishes what it holds: first the door closes, then the engine.
let private work (node: Node) (started: unit -> unit) (stopAsked: unit -> Task) : Task<unit> = task {
    use receiverStop = new CancellationTokenSource()
    use engineStop = new CancellationTokenSource()
    use countingStop = new CancellationTokenSource()
    let receiving = node.Receiver.Run receiverStop.Token
    do! Protection.announce node.Configuration node.World node.Store
    let working = node.Engine.Run engineStop.Token
    let chores = chores node engineStop.Token

    // Counting costs a query: it is done where somebody is told.
    let counting =
        match node.Configuration.Telemetry with
        | Some _ -> node.CountAccounts countingStop.Token
        | None -> Task.CompletedTask

    started ()
    node.Log.Information "Ready"

    do! stopAsked ()
    node.Log.Information "Stopping: finishing what is under way"
    receiverStop.Cancel()
    do! receiving
    engineStop.Cancel()
    do! working
    do! chores
    countingStop.Cancel()
    do! counting
}

/// Runs until the process is asked to stop. `machine` has the clock of this machine; what other nodes read is
/// written by PostgreSQL's. `reached` is told of what tests wait for.
let run
    (machine: World)
    (configuration: Configuration)
    (texts: NumberTexts.Texts)
    (log: Serilog.ILogger)
    (reached: Engine.Milestone -> unit)
    : Task<Result<unit, StartProblem>> = task {
    use instruments = new Instruments()
    use _ = exporting configuration log
    let node = Node.assemble machine configuration texts log instruments reached
    let startup = ref (Starting "The database is being prepared.")
    let app = build configuration log
    let answered () = reached Engine.BodiesStored
    Endpoints.map app node texts (fun () -> startup.Value) answered

    do! app.StartAsync()
    log.Information("Listening on {Urls}", configuration.Urls)
    use stopping = new CancellationTokenSource()
    use _ = app.Lifetime.ApplicationStopping.Register(fun () -> stopping.Cancel())

    let! migrated = task {
        try
            let waiting reason = startup.Value <- Starting reason
            return! migrate configuration node.World node.Database.Clock log waiting stopping.Token
        with :? OperationCanceledException ->
            return None
    }

    let! outcome = task {
        match migrated with
        | Some(Ok()) ->
            let started () = startup.Value <- Started
            do! work node started (fun () -> app.WaitForShutdownAsync())
            return Ok()
        | Some(Error problem) ->
            do! app.StopAsync()
            return Error problem
        | None ->
            do! app.StopAsync()
            return Ok()
    }

    do! node.Database.Close()
    log.Information "Stopped"
    return outcome
}
