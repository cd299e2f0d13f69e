/// The workers that keep everything moving: they decide what came in, run what was asked for, and fire
/// timers. They know the store and the services through ports only, and the clock through `World`.
module FunctionalBot.Effects.Engine

open System
open System.Collections.Concurrent
open System.Threading
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

/// Builds the engine of one node. `decide` is `Reception.decide` with its settings; `run` is
/// `Interpreter.run` with its services; `reached` is told of milestones.
let create
    (settings: EngineSettings)
    (world: World)
    (store: StorePort)
    (decide: CustomerWork -> CustomerDecision)
    (run: ClaimedCommand -> CancellationToken -> Task<CommandResult>)
    (log: EngineLog)
    (reached: Milestone -> unit)
    : Engine =

    let inboxBell = Bell.create world

    let outboxBells =
        Map.ofList [
            for service in [ Messaging; Assisting; Ticketing ] -> service, Bell.create world
        ]


    /// Services that something was queued for since their bells were last rung. Each claim is a
    /// transaction, so that only those are woken.
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

    /// Runs the step again and again. A step that finds the store away is tried again after a growing
    /// pause; it tells of the trouble once and of its end once.
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

    /// The workers of one service: claims as many commands as it has hands free, runs them side by side,
    /// records what came of them in batches, and keeps their leases alive.
    let serve service hands (cancel: CancellationToken) : Task =
        let running = ConcurrentDictionary<CommandKey, int>()
        let results = ConcurrentQueue<ClaimedCommand * CommandResult>()
        let resultBell = Bell.create world
        let free = ref hands
        let freeBell = Bell.create world
        let bell = outboxBells[service]

        let release (count: int) =
            Interlocked.Add(&free.contents, count) |> ignore
            freeBell.Ring()

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

                    results.Enqueue((claimed, result))
                    resultBell.Ring()
                with fault ->
                    // The store was away or the host stops: the lease runs out and the command comes again.
                    running.TryRemove claimed.Command.Key |> ignore
                    log.CommandFailed claimed.Command ("left to its lease: " + fault.GetType().Name)
            finally
                release 1
        }

        let claimStep (cancel: CancellationToken) : Task = task {
            let mutable held = Interlocked.Exchange(&free.contents, 0)

            if held = 0 then
                do! freeBell.Wait settings.Poll cancel
            else
                let mutable idle = false

                let asked = held

                try
                    let! claimed = store.Claim service asked (world.Now()) settings.Lease

                    for command in claimed do
                        running[command.Command.Key] <- command.Attempt

                    held <- held - claimed.Length

                    for command in claimed do
                        runOne command |> ignore

                    // Fewer than asked for: nothing else is due, and whatever comes after rings the bell.
                    idle <- claimed.Length < asked
                finally
                    release held

                if idle then
                    do! bell.Wait settings.Poll cancel
        }

        let forget (batch: (ClaimedCommand * CommandResult) list) =
            for claimed, _ in batch do
                running.TryRemove claimed.Command.Key |> ignore

        /// Records what came of commands. Their effects have happened: while the store is away they are
        /// kept and tried again, with their leases. One that cannot be written holds up no other and is
        /// left to its lease.
        let rec record (batch: (ClaimedCommand * CommandResult) list) : Task = task {
            try
                let! _ = store.Record batch (world.Now())
                forget batch
            with
            | StoreUnavailable _ as unavailable ->
                for result in batch do
                    results.Enqueue result

                raise unavailable
            | fault ->
                match batch with
                | [ claimed, _ ] ->
                    forget batch
                    log.CommandFailed claimed.Command ("its result cannot be kept: " + fault.GetType().Name)
                | batch ->
                    for result in batch do
                        do! record [ result ]
        }

        let recordStep (cancel: CancellationToken) : Task = task {
            let batch = ResizeArray()
            let mutable next = Unchecked.defaultof<_>

            while batch.Count < 200 && results.TryDequeue &next do
                batch.Add next

            if batch.Count = 0 then
                do! resultBell.Wait settings.Poll cancel
            else
                do! record (List.ofSeq batch)
                reached CommandRecorded

                // Outcomes wait in the inbox; and the next message to the same customer may be waiting for
                // this one.
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

            while Volatile.Read &free.contents < hands do
                do! freeBell.Wait settings.Poll CancellationToken.None

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

    /// On the scheduler of whoever runs the engine: the thread pool in a host.
    let start (worker: unit -> Task) : Task =
        Task.Factory
            .StartNew(
                Func<Task> worker,
                CancellationToken.None,
                TaskCreationOptions.DenyChildAttach,
                TaskScheduler.Current
            )
            .Unwrap()

    {
        Wake = fun () -> inboxBell.Ring()
        Run =
            fun cancel ->
                Task.WhenAll [|
                    start (fun () -> loop "deciding" decideStep cancel)
                    start (fun () -> loop "timers" timerStep cancel)
                    start (fun () -> serve Messaging settings.Messages cancel)
                    start (fun () -> serve Assisting settings.Questions cancel)
                    start (fun () -> serve Ticketing settings.TicketCalls cancel)
                |]
    }
