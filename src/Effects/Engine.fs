/// The workers that keep everything moving: they decide what came in, run what was asked for, and fire timers. They know
/// the store and the services through ports only, and the clock through `World`.
module FunctionalBot.Effects.Engine

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks
open FunctionalBot.Domain

/// The moments between which a crash must cost nothing. Tests end the process at one of them.
type Milestone =
    /// Webhook bodies are committed and answered.
    | BodiesStored
    /// A transition is committed with its commands.
    | Decided
    /// A command is leased and about to run.
    | CommandStarted
    /// A command has run; its result is not recorded yet.
    | CommandRan
    /// The result is recorded.
    | CommandRecorded

/// How the engine paces itself.
type EngineSettings = {
    /// Customers decided in one transaction.
    Batch: int
    /// Commands of each service that run at the same time.
    Messages: int
    Questions: int
    TicketCalls: int
    /// How long a command belongs to the worker that took it, if nothing is heard of it.
    Lease: TimeSpan
    /// How often the database is asked for work of which nobody told.
    Poll: TimeSpan
    /// How often due timers are looked for.
    TimerPoll: TimeSpan
}

/// Reports for operators; nothing in them is personal.
[<NoComparison; NoEquality>]
type EngineLog = {
    /// A worker cannot go on for now, and when it does again.
    Trouble: string -> exn -> unit
    Recovered: string -> unit
    /// A command ended without effect, or waits because of a failure.
    CommandFailed: Command -> string -> unit
}

/// Lets a loop sleep until there is work, or until it should look by itself.
[<NoComparison; NoEquality>]
type private Bell = {
    Ring: unit -> unit
    Wait: TimeSpan -> CancellationToken -> Task
}

let private bell (world: World) : Bell =
    let rung = new SemaphoreSlim(0, 1)

    {
        Ring =
            fun () ->
                // It has been rung and nobody has come yet: once is enough. Two may ring at the same moment.
                if rung.CurrentCount = 0 then
                    try
                        rung.Release() |> ignore
                    with :? SemaphoreFullException ->
                        ()
        Wait =
            fun span cancel -> task {
                use give = CancellationTokenSource.CreateLinkedTokenSource cancel
                let ring = rung.WaitAsync give.Token
                let! _ = Task.WhenAny(ring, world.Delay span give.Token)
                give.Cancel()
            }
    }

/// The engine of one node.
[<NoComparison; NoEquality>]
type Engine = {
    /// Tells that something came in, so that nobody waits for the next look.
    Wake: unit -> unit
    /// Runs until cancelled; then takes nothing new, finishes what it holds, and completes.
    Run: CancellationToken -> Task
}

let private serviceName service =
    match service with
    | Messaging -> "messages"
    | Assisting -> "questions"
    | Ticketing -> "tickets"

/// Builds the engine of one node. `decide` is `Reception.decide` with its settings; `run` is `Interpreter.run` with its
/// services; `reached` is told of milestones.
let create
    (settings: EngineSettings)
    (world: World)
    (store: StorePort)
    (decide: CustomerWork -> CustomerDecision)
    (run: ClaimedCommand -> CancellationToken -> Task<CommandResult>)
    (log: EngineLog)
    (reached: Milestone -> unit)
    : Engine =

    let inboxBell = bell world

    let outboxBells =
        Map.ofList [ for service in [ Messaging; Assisting; Ticketing ] -> service, bell world ]

    let timerBell = bell world

    /// Services that something was queued for since their bells were last rung. Each claim is a transaction, so that
    /// only those are woken.
    let queued = ConcurrentDictionary<Service, unit>()

    let decideAndNote work =
        let decision = decide work

        for command in decision.Commands do
            match Interpreter.serviceOf command.Action with
            | Some service -> queued[service] <- ()
            | None -> ()

        decision

    let wakeOutbox () =
        for KeyValue(service, bell) in outboxBells do
            if fst (queued.TryRemove service) then
                bell.Ring()

    /// Runs the step again and again. A step that finds the store away is tried again after a growing pause; it tells
    /// of the trouble once and of its end once.
    let loop name (step: CancellationToken -> Task) (cancel: CancellationToken) : Task = task {
        let mutable failures = 0

        while not cancel.IsCancellationRequested do
            try
                do! step cancel

                if failures > 0 then
                    failures <- 0
                    log.Recovered name
            with
            | :? OperationCanceledException when cancel.IsCancellationRequested -> ()
            | fault ->
                failures <- failures + 1

                if failures = 1 then
                    log.Trouble name fault

                let pause =
                    TimeSpan.FromMilliseconds(min 2000. (100. * Math.Pow(2., float (min failures 6))))

                try
                    do! world.Delay (pause * (0.5 + world.Random() / 2.)) cancel
                with :? OperationCanceledException ->
                    ()
    }

    let decideStep (cancel: CancellationToken) : Task = task {
        let! ended = store.Advance settings.Batch decideAndNote

        if ended > 0 then
            reached Decided
            wakeOutbox ()
            timerBell.Ring()
        else
            do! inboxBell.Wait settings.Poll cancel
    }

    let timerStep (cancel: CancellationToken) : Task = task {
        let! fired = store.FireTimers 500 (world.Now())

        if fired > 0 then
            inboxBell.Ring()
        else
            do! world.Delay settings.TimerPoll cancel
    }

    /// The workers of one service: claims as many commands as it has hands free, runs them side by side, records what
    /// came of them in batches, and keeps their leases alive.
    let serve service hands (cancel: CancellationToken) : Task =
        let running = ConcurrentDictionary<CommandKey, int>()
        let results = Channel.CreateUnbounded<ClaimedCommand * CommandResult>()
        let free = new SemaphoreSlim(hands, hands)
        let bell = outboxBells[service]

        // Outlives `cancel` for as long as a stop may take, so that what was begun is finished and recorded.
        let finish = new CancellationTokenSource()

        let runOne (claimed: ClaimedCommand) : Task = task {
            try
                try
                    reached CommandStarted
                    let! result = run claimed finish.Token
                    reached CommandRan

                    match result with
                    | RunAgain(_, reason, _)
                    | Parked(_, reason)
                    | GivenUp(reason, _) -> log.CommandFailed claimed.Command reason
                    | Done _ -> ()

                    results.Writer.TryWrite((claimed, result)) |> ignore
                with fault ->
                    // The store was away or the host stops: the lease runs out and the command comes again.
                    running.TryRemove claimed.Command.Key |> ignore
                    log.CommandFailed claimed.Command ("left to its lease: " + fault.GetType().Name)
            finally
                free.Release() |> ignore
        }

        let claimStep (cancel: CancellationToken) : Task = task {
            do! free.WaitAsync cancel
            let mutable held = 1

            while held < hands && free.Wait 0 do
                held <- held + 1

            let asked = held

            try
                let! claimed = store.Claim service asked (world.Now()) settings.Lease

                for command in claimed do
                    running[command.Command.Key] <- command.Attempt

                held <- held - claimed.Length

                for command in claimed do
                    runOne command |> ignore

                // Fewer than asked for: nothing else is due, and whatever comes after rings the bell.
                if claimed.Length < asked then
                    free.Release held |> ignore
                    held <- 0
                    do! bell.Wait settings.Poll cancel
            finally
                if held > 0 then
                    free.Release held |> ignore
        }

        let recordStep (cancel: CancellationToken) : Task = task {
            let! more = results.Reader.WaitToReadAsync cancel

            if more then
                let batch = ResizeArray()
                let mutable next = Unchecked.defaultof<_>

                while batch.Count < 200 && results.Reader.TryRead &next do
                    batch.Add next

                // What could not be recorded is kept and tried again: the effect has happened.
                let mutable recorded = false
                let mutable tries = 0

                while not recorded do
                    try
                        let! _ = store.Record (List.ofSeq batch) (world.Now())
                        recorded <- true
                    with StoreUnavailable _ as unavailable when
                        tries < 100 && not cancel.IsCancellationRequested ->
                        tries <- tries + 1

                        if tries = 1 then
                            log.Trouble ("recording " + serviceName service) unavailable

                        do! world.Delay (TimeSpan.FromMilliseconds 200.) CancellationToken.None

                for claimed, _ in batch do
                    running.TryRemove claimed.Command.Key |> ignore

                reached CommandRecorded

                // Outcomes wait in the inbox; and the next message to the same customer may be waiting for this one.
                let hasOutcome (_, result) =
                    match result with
                    | Done None -> false
                    | Done(Some _)
                    | RunAgain _
                    | Parked _
                    | GivenUp _ -> true

                if Seq.exists hasOutcome batch then
                    inboxBell.Ring()

                if batch |> Seq.exists (fun (claimed, _) -> claimed.Command.Action.IsSay) then
                    bell.Ring()
            else
                do! Task.Delay(Timeout.Infinite, cancel)
        }

        let leaseStep (cancel: CancellationToken) : Task = task {
            do! world.Delay (settings.Lease / 3.) cancel
            let held = [ for pair in running -> pair.Key, pair.Value ]

            if not held.IsEmpty then
                do! store.KeepLeases held (world.Now()) settings.Lease
        }

        task {
            use stopRecording = new CancellationTokenSource()

            let recording =
                loop ("recording " + serviceName service) recordStep stopRecording.Token

            let leasing =
                loop ("leases of " + serviceName service) leaseStep stopRecording.Token

            do! loop ("claiming " + serviceName service) claimStep cancel

            // Stopping: what runs may take a little longer, then it is cut off and left to its lease.
            let cutOff = task {
                do! world.Delay (TimeSpan.FromSeconds 20.) stopRecording.Token
                finish.Cancel()
            }

            for _ in 1..hands do
                do! free.WaitAsync()

            while not running.IsEmpty && not finish.IsCancellationRequested do
                do! world.Delay (TimeSpan.FromMilliseconds 10.) CancellationToken.None

            stopRecording.Cancel()
            do! Task.WhenAll(recording, leasing)

            try
                do! cutOff
            with :? OperationCanceledException ->
                ()

            finish.Dispose()
        }

    {
        Wake = fun () -> inboxBell.Ring()
        Run =
            fun cancel ->
                Task.WhenAll [|
                    Task.Run<unit>(fun () -> task { do! loop "deciding" decideStep cancel })
                    Task.Run<unit>(fun () -> task { do! loop "timers" timerStep cancel })
                    Task.Run<unit>(fun () -> task { do! serve Messaging settings.Messages cancel })
                    Task.Run<unit>(fun () -> task { do! serve Assisting settings.Questions cancel })
                    Task.Run<unit>(fun () -> task { do! serve Ticketing settings.TicketCalls cancel })
                |]
    }
