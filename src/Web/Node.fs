/// What `bot serve` is made of: all parts of one process, built and joined. Nothing of it runs yet, and no connection
/// is open.
module FunctionalBot.Web.Node

open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Telemetry
open FunctionalBot.Web.Configuration

/// One process that serves.
[<NoComparison; NoEquality>]
type Node = {
    Configuration: Configuration
    Log: Serilog.ILogger
    Instruments: Instruments
    /// The world by the clock that all nodes share: PostgreSQL's, once that has been measured.
    World: World
    /// The store as all parts use it: watched, and followed by the threads that are kept in memory.
    Store: StorePort
    /// What that store is made of: its clock, the rows of files, and how it is closed.
    Database: Store.PostgresStore
    FileStore: FileStorePort
    Tokens: TokenFile.NumberTokens
    Engine: Engine.Engine
    /// Takes bodies in, and tells operators what they say of numbers and accounts.
    Receiver: Webhook.Receiver
    /// Counts what waits, again and again until it is cancelled. Each time costs a query.
    CountAccounts: CancellationToken -> Task
}

/// What goes wrong with a command is told by its kind and key; what it holds is personal.
let private engineLog (log: Serilog.ILogger) (spans: CommandSpans) : Engine.EngineLog = {
    Trouble = fun worker fault -> log.Warning(fault, "{Worker} cannot go on for now and tries again", worker)
    Recovered = fun worker -> log.Information("{Worker} goes on again", worker)
    CommandFailed =
        fun command reason ->
            Logging.warnWithin log (Composition.world.Now()) (spans.TraceOf command) "{Kind} {Key}: {Reason}" [|
                CommandKind.ofAction command.Action
                CommandKey.text command.Key
                reason
            |]
}

let private database (machine: World) (configuration: Configuration) : Store.PostgresStore =
    let settings: Store.Settings = {
        Store.Settings.ofConnectionString configuration.Database with
            ParkFor = configuration.UnknownWait
            TracesTimers = configuration.Telemetry.IsSome
    }

    Store.PostgresStore.create settings Transition.evolve machine

let private tokens (world: World) (configuration: Configuration) (log: Serilog.ILogger) =
    let trouble (path: string) =
        log.Warning("There is no token in the file {Path}, or it cannot be read; the token stays", path)

    TokenFile.ofNumbers world trouble configuration.Numbers

/// Builds a node. `machine` has the clock of this machine; `reached` is told of what tests wait for.
let assemble
    (machine: World)
    (configuration: Configuration)
    (texts: NumberTexts.Texts)
    (log: Serilog.ILogger)
    (instruments: Instruments)
    (reached: Engine.Milestone -> unit)
    : Node =
    let database = database machine configuration
    let world = database.Clock.World
    let spans = CommandSpans()
    let engineLog = engineLog log spans
    let watched = WatchedStore.create instruments spans world database.Port
    let threads = Threads.create Composition.keptThreads watched.ReadStream
    let store = Threads.following threads watched

    let tokens = tokens world configuration log
    let fileStore = Composition.fileStore world configuration
    let files = Composition.files world configuration tokens.Of fileStore database.Files
    let alarms = Alarms.create world store log

    let services =
        Composition.services world configuration texts store threads tokens.Of files
        |> Protection.protect configuration store engineLog log

    let services = {
        services with
            WhatsApp = Alarms.onRefusals alarms services.WhatsApp
    }

    let lateTemplates =
        Composition.lateTemplates world configuration store services.WhatsApp

    let run =
        Interpreter.run services
        |> LateTemplate.around world lateTemplates
        |> WatchedCommands.run instruments spans world

    let reception = Composition.reception configuration

    let decide work =
        Reception.decide reception (world.Now()) world.NewId work

    let engine =
        Engine.create (Composition.engineSettings configuration) world store decide run engineLog reached

    {
        Configuration = configuration
        Log = log
        Instruments = instruments
        World = world
        Store = store
        Database = database
        FileStore = fileStore
        Tokens = tokens
        Engine = engine
        Receiver = Webhook.receiver world store engine.Wake |> Alarms.atDoor alarms
        CountAccounts = AccountGauges.create instruments world watched
    }
