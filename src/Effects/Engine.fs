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
    | CommandStarted of Command
    /// A command has run; its result is not recorded yet.
    | CommandRan of Command
    /// The results are recorded.
    | CommandsRecorded of Command list
    /// Timers have become entries of the inbox.
    | TimersFired

/// How the engine paces itself.
type EngineSettings = {
    /// Customers decided in one transaction.
    Batch: int
    /// Commands of each service that run at the same time.
    Messages: int
    Questions: int
    TicketCalls: int
    Files: int
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
    /// Tells for whom something came in, so that nobody waits for the next look.
    Wake: CustomerKey list -> unit
    /// Runs until cancelled; then takes nothing new, finishes what it holds, and completes.
    Run: CancellationToken -> Task
}

let private customerOf (command: Command) : CustomerKey = {
    Channel = command.Key.Session.Channel
    Customer = command.Key.Session.Customer
}

/// More customers to whom something waits to be said are not remembered: the next look finds them.
let private mostBehind = 10_000

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
    let arrivals = Arrivals.create world
    let results = Results.create world arrivals.Bell

    /// Rung where commands of the service may be waiting that this node has not taken on.
    let claimBells =
        Map.ofList [ for service in Service.all -> service, Bell.create world ]

    /// Services that had more to do than the node could take on.
    let full = ConcurrentDictionary<Service, unit>()

    /// Customers to whom something can be said as soon as what runs is recorded.
    let behind = ConcurrentDictionary<CustomerKey, unit>()

    // Outlives the stop for as long as it may take, so that what was begun is finished and recorded.
    let finish = new CancellationTokenSource()

    let runOne (claimed: ClaimedCommand) : Task<CommandResult> = task {
        reached (CommandStarted claimed.Command)
        let! result = run claimed finish.Token
        reached (CommandRan claimed.Command)

        match result with
        | RunAgain(_, reason, _)
        | Parked(_, reason)
        | GivenUp(reason, _) -> log.CommandFailed claimed.Command reason
        // A thousand messages that wait for the same thing are told of once, by what they wait for.
        | PutOff _
        | AwaitCustomer _
        | Done _ -> ()

        return result
    }

    let reportOf service : WorkersReport = {
        Finished = fun claimed result -> results.Add(claimed, result)
        Abandoned =
            fun claimed fault ->
                log.CommandFailed claimed.Command ("left to its lease: " + fault.GetType().Name)
        Emptied =
            fun () ->
                if fst (full.TryRemove service) then
                    claimBells[service].Ring()
    }

    let workers =
        let hands service =
            match service with
            | Messaging -> settings.Messages
            | Assisting -> settings.Questions
            | Ticketing -> settings.TicketCalls
            | Fetching -> settings.Files

        Map.ofList [
            for service in Service.all ->
                service, Workers.create world (hands service) runOne (reportOf service)
        ]

    let forService (commands: ClaimedCommand list) (act: Workers -> ClaimedCommand list -> unit) =
        commands
        |> List.groupBy (fun claimed -> Service.ofAction claimed.Command.Action)
        |> List.iter (fun (service, commands) ->
            service |> Option.iter (fun service -> act workers[service] commands))

    let forget (claimed: ClaimedCommand) =
        Service.ofAction claimed.Command.Action
        |> Option.iter (fun service -> workers[service].Forget claimed)

    /// The next message to the same customer may be waiting for what was recorded.
    let wakeBehind (batch: (ClaimedCommand * CommandResult) list) =
        if not behind.IsEmpty then
            for claimed, _ in batch do
                if
                    claimed.Command.Action.IsSay
                    && fst (behind.TryRemove(customerOf claimed.Command))
                then
                    claimBells[Messaging].Ring()

    /// Goes on with what was decided.
    let follow leasedUntil (advanced: Advanced) =
        if advanced.Ended > 0 then
            reached Decided

        // A hint only. Where another node says the last word to one of them, this node never takes the name
        // off the list.
        if not advanced.Behind.IsEmpty && behind.Count >= mostBehind then
            behind.Clear()

        for customer in advanced.Behind do
            behind[customer] <- ()

        for service in advanced.Full do
            full[service] <- ()

        forService advanced.Leased (fun workers -> workers.Take leasedUntil)
        arrivals.Add advanced.More
        arrivals.AddSoon advanced.Busy

        // The command that they are behind may have ended meanwhile.
        if not advanced.Behind.IsEmpty then
            claimBells[Messaging].Ring()

        for service in advanced.Full do
            if workers[service].IsFree() then
                claimBells[service].Ring()

    let recorded (batch: (ClaimedCommand * CommandResult) list) =
        for claimed, _ in batch do
            forget claimed

        reached (CommandsRecorded [ for claimed, _ in batch -> claimed.Command ])
        wakeBehind batch

    let roundsPort: RoundsPort = {
        World = world
        Store = store
        Arrivals = arrivals
        Results = results
        Decide = decide
        Batch = settings.Batch
        Lease = settings.Lease
        Poll = settings.Poll
        Room = fun () -> workers |> Map.map (fun _ workers -> workers.Room())
        Follow = follow
        Recorded = recorded
        Unrecordable =
            fun claimed fault ->
                forget claimed
                log.CommandFailed claimed.Command ("its result cannot be kept: " + fault.GetType().Name)
    }

    let rounds = Rounds.create roundsPort

    let timerStep (cancel: CancellationToken) : Task = task {
        let! fired = store.FireTimers 500 (world.Now())

        if fired.IsEmpty then
            do! world.Delay settings.TimerPoll cancel
        else
            reached TimersFired
            arrivals.Add fired
    }

    /// Takes on what this node did not lease when it was decided: work of other nodes that died, what was
    /// put off, what there was no room for.
    let claimStep service (cancel: CancellationToken) : Task = task {
        let room = workers[service].Room()

        if room = 0 then
            full[service] <- ()
            do! claimBells[service].Wait settings.Poll cancel
        else
            let now = world.Now()
            let! claimed = store.Claim service room now settings.Lease
            workers[service].Take (now + settings.Lease) claimed

            // Fewer than asked for: nothing else is due, and whatever comes after rings the bell.
            if claimed.Length < room then
                do! claimBells[service].Wait settings.Poll cancel
    }

    let held () =
        [ for KeyValue(_, workers) in workers -> workers.Held() ] |> List.concat

    let leaseStep (cancel: CancellationToken) : Task = task {
        do! world.Delay (settings.Lease / 3.) cancel

        match held () with
        | [] -> ()
        | held ->
            let now = world.Now()
            let! kept = store.KeepLeases held now settings.Lease
            let kept = Set.ofList kept
            let still = held |> List.filter (fun claimed -> kept.Contains claimed.Place)
            forService still (fun workers -> workers.Keep(now + settings.Lease))
    }

    let loop = Work.repeat world log.Trouble log.Recovered

    let work (cancel: CancellationToken) : Task = task {
        use stopRecording = new CancellationTokenSource()

        let leasing = Work.start (fun () -> loop "leases" leaseStep stopRecording.Token)

        do!
            Task.WhenAll [|
                Work.start (fun () -> loop "deciding" rounds.Decide cancel)
                Work.start (fun () -> loop "timers" timerStep cancel)

                for service in Service.all do
                    Work.start (fun () ->
                        loop ("claiming " + Service.name service) (claimStep service) cancel)
            |]

        // From here on nothing is decided, and results are recorded by themselves.
        let recording =
            Work.start (fun () -> loop "recording" rounds.Record stopRecording.Token)

        // Stopping: what runs may take a little longer, then it is cut off and left to its lease.
        for KeyValue(_, workers) in workers do
            workers.Stop()

        let cutOff = task {
            do! world.Delay (TimeSpan.FromSeconds 20.) stopRecording.Token
            finish.Cancel()
        }

        while not (held ()).IsEmpty && not finish.IsCancellationRequested do
            do! world.Delay (TimeSpan.FromMilliseconds 10.) CancellationToken.None

        stopRecording.Cancel()
        do! Task.WhenAll [| leasing; recording |]

        try
            do! cutOff
        with :? OperationCanceledException ->
            ()

        finish.Dispose()
    }

    { Wake = arrivals.Add; Run = work }
