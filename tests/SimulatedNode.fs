/// One node of the bot in simulated time: the real engine over ports that a crash silences.
module FunctionalBot.Tests.SimulatedNode

open System
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture

/// What becomes of a program that has crashed: nothing, for ever.
let private never () : Task<'answer> = TaskCompletionSource<'answer>().Task

/// Calls the world outside for a node. A crash before the call keeps it from being made; a crash meanwhile
/// keeps the answer from being heard, whatever it did.
let private guard (alive: bool ref) (call: unit -> Task<'answer>) : Task<'answer> = task {
    if not alive.Value then
        return! never ()
    else
        let! outcome = task {
            try
                let! answer = call ()
                return Ok answer
            with problem ->
                return Error problem
        }

        if not alive.Value then
            return! never ()
        else
            match outcome with
            | Ok answer -> return answer
            | Error problem -> return raise problem
}

let private asTask (work: Task) : Task<unit> = task { do! work }

/// The store as this node reaches it: each call takes some time there and back.
let private storeFor alive (world: World) (store: StorePort) : StorePort =
    let way () =
        world.Delay (TimeSpan.FromMilliseconds(1. + world.Random() * 20.)) CancellationToken.None

    let call (work: unit -> Task<'answer>) : Task<'answer> =
        guard alive (fun () -> task {
            do! way ()

            let! outcome = task {
                try
                    let! answer = work ()
                    return Ok answer
                with problem ->
                    return Error problem
            }

            do! way ()

            match outcome with
            | Ok answer -> return answer
            | Error problem -> return raise problem
        })

    {
        Receive = fun bodies -> call (fun () -> store.Receive bodies)
        Advance = fun request decide -> call (fun () -> store.Advance request decide)
        Claim = fun service most now lease -> call (fun () -> store.Claim service most now lease)
        KeepLeases = fun held now lease -> call (fun () -> store.KeepLeases held now lease)
        Record = fun results now -> call (fun () -> store.Record results now)
        FireTimers = fun most now -> call (fun () -> store.FireTimers most now)
        ReadStream = fun session -> call (fun () -> store.ReadStream session)
        Said = fun session message -> call (fun () -> store.Said session message)
        Accounting = fun () -> call store.Accounting
        Reserve = fun limits requests -> call (fun () -> store.Reserve limits requests)
        ReportService = fun state -> call (fun () -> asTask (store.ReportService state))
        ServiceStates = fun () -> call store.ServiceStates
        TakeProbe = fun service now next -> call (fun () -> store.TakeProbe service now next)
        ResumeMessages = fun service now -> call (fun () -> asTask (store.ResumeMessages service now))
        TakeTemplate =
            fun customer lastHeard now -> call (fun () -> store.TakeTemplate customer lastHeard now)
        GiveBackTemplate = fun customer -> call (fun () -> asTask (store.GiveBackTemplate customer))
        Forget = fun keep now most -> call (fun () -> store.Forget keep now most)
    }

let private numberFor alive (number: Interpreter.NumberServices) = {
    number with
        Assistant = {
            Ask = fun request cancel -> guard alive (fun () -> number.Assistant.Ask request cancel)
        }
        StandIn = {
            Ask = fun request cancel -> guard alive (fun () -> number.StandIn.Ask request cancel)
        }
        Tickets = {
            Create =
                fun key ticket customer language cancel ->
                    guard alive (fun () -> number.Tickets.Create key ticket customer language cancel)
            AddNote =
                fun key creation note cancel ->
                    guard alive (fun () -> number.Tickets.AddNote key creation note cancel)
            Attach =
                fun key creation file openFile cancel ->
                    guard alive (fun () -> number.Tickets.Attach key creation file openFile cancel)
            Find =
                fun channel customer cancel ->
                    guard alive (fun () -> number.Tickets.Find channel customer cancel)
        }
}

let private servicesFor
    alive
    (world: World)
    (store: StorePort)
    (threads: Threads)
    (services: Interpreter.Services)
    = {
    services with
        World = world
        ReadStream = store.ReadStream
        ReadThread = threads.Read
        Said = store.Said
        WhatsApp = {
            Send = fun outgoing cancel -> guard alive (fun () -> services.WhatsApp.Send outgoing cancel)
            MarkRead =
                fun channel message cancel ->
                    guard alive (fun () -> services.WhatsApp.MarkRead channel message cancel)
            Upload =
                fun channel file cancel ->
                    guard alive (fun () -> services.WhatsApp.Upload channel file cancel)
        }
        For = fun channel -> services.For channel |> Option.map (numberFor alive)
        Files = {
            services.Files with
                Fetch =
                    fun key request cancel -> guard alive (fun () -> services.Files.Fetch key request cancel)
        }
}

/// Meta's limits for a customer, and for the number one that a few customers can reach.
let private limits: PaceLimits = {
    Number =
        Some {
            Interval = TimeSpan.FromSeconds 0.5
            Burst = 1
        }
    Pair =
        Some {
            Interval = TimeSpan.FromSeconds 6.
            Burst = 5
        }
    Patience = TimeSpan.FromSeconds 2.
}

/// The same decorators in the same order as in production.
let private protect (world: World) (store: StorePort) (services: Interpreter.Services) =
    let log: Engine.EngineLog = {
        Trouble = fun _ _ -> ()
        Recovered = ignore
        CommandFailed = fun _ _ -> ()
    }

    let host: Breakers.BreakerHost = {
        World = world
        Node = "simulated"
        Report = store.ReportService
        Changed = ignore
    }

    let assistant = Breakers.assistant host Breakers.assistantSettings
    let tickets = Breakers.tickets host Breakers.odooSettings

    let forNumber (number: Interpreter.NumberServices) = {
        number with
            Assistant = assistant number.Assistant
            Tickets = tickets number.Tickets
    }

    {
        services with
            WhatsApp =
                services.WhatsApp
                |> Pace.create limits world store log
                |> Breakers.whatsApp host Breakers.whatsAppSettings
                |> ChannelStop.create ChannelStop.defaultSettings StopPlan.alone world store ignore
            For = fun channel -> services.For channel |> Option.map forNumber
    }

/// A node that runs.
[<NoComparison; NoEquality>]
type Node = {
    Wake: CustomerKey list -> unit
    /// Ends it as a power cut does.
    Crash: unit -> unit
    /// Asks it to stop, and waits until it has.
    Stop: unit -> Task
}

let private pace: Engine.EngineSettings = {
    Batch = 20
    Messages = 8
    Questions = 4
    TicketCalls = 4
    Files = 1
    Lease = TimeSpan.FromSeconds 30.
    Poll = TimeSpan.FromSeconds 30.
    TimerPoll = TimeSpan.FromSeconds 5.
}

/// Starts a node.
let start (world: World) (store: StorePort) (services: Interpreter.Services) lateTemplate reception : Node =
    let alive = ref true

    let own = {
        world with
            Delay = fun span cancel -> guard alive (fun () -> asTask (world.Delay span cancel))
    }

    let threads = Threads.create 50 store.ReadStream
    let store = storeFor alive own store |> Threads.following threads
    let cancel = new CancellationTokenSource()

    let engine =
        Engine.create
            pace
            own
            store
            (fun work -> Reception.decide reception (world.Now()) world.NewId work)
            (servicesFor alive own store threads services
             |> protect own store
             |> Interpreter.run
             |> LateTemplate.around own (fun _ -> lateTemplate))
            silent
            ignore

    let running = engine.Run cancel.Token

    {
        Wake = engine.Wake
        Crash = fun () -> alive.Value <- false
        Stop =
            fun () -> task {
                cancel.Cancel()
                do! running
            }
    }
