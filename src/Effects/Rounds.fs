namespace FunctionalBot.Effects

open System
open System.Runtime.ExceptionServices
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// What the rounds need of the engine that they belong to.
[<NoComparison; NoEquality>]
type internal RoundsPort = {
    World: World
    Store: StorePort
    Arrivals: Arrivals
    Results: Results
    Decide: CustomerWork -> CustomerDecision
    /// Customers decided in one transaction.
    Batch: int
    Lease: TimeSpan
    Poll: TimeSpan
    /// How many more commands of each service the node can take on now.
    Room: unit -> Map<Service, int>
    /// Goes on with what was decided, whose commands are leased until that time.
    Follow: DateTimeOffset -> Advanced -> unit
    /// Results are recorded.
    Recorded: (ClaimedCommand * CommandResult) list -> unit
    /// A result cannot be written down; its command is left to its lease.
    Unrecordable: ClaimedCommand -> exn -> unit
}

/// The steps of the loop that decides.
[<NoComparison; NoEquality>]
type internal Rounds = {
    /// One round, or the wait for one.
    Decide: CancellationToken -> Task
    /// Records results and decides nothing: for a node that stops.
    Record: CancellationToken -> Task
}

/// Deciding in rounds.
module internal Rounds =
    /// So many results are recorded in one transaction.
    let private mostResults = 400

    /// Rounds begin at least so far apart. What comes meanwhile shares one: under some load a transaction for
    /// each message would cost more than the messages. The first after a pause does not wait.
    let private breath = TimeSpan.FromMilliseconds 3.

    /// Records results one by one, so that one that cannot be written holds up no other: that one is left to
    /// its lease. Results that the store did not take because it went away are put back.
    let rec private recordEach (port: RoundsPort) (batch: (ClaimedCommand * CommandResult) list) : Task = task {
        match batch with
        | [] -> ()
        | (claimed, _) as result :: rest ->
            try
                let! _ = port.Store.Record [ result ] (port.World.Now())
                port.Recorded [ result ]
            with
            | StoreUnavailable _ as unavailable ->
                port.Results.PutBack batch
                raise unavailable
            | fault -> port.Unrecordable claimed fault

            do! recordEach port rest
    }

    /// Records what came of commands, and tells for whom that is something to decide.
    let private record (port: RoundsPort) (batch: (ClaimedCommand * CommandResult) list) : Task = task {
        try
            let! _ = port.Store.Record batch (port.World.Now())
            port.Recorded batch
        with
        | StoreUnavailable _ as unavailable ->
            port.Results.PutBack batch
            raise unavailable
        | _ -> do! recordEach port batch

        port.Arrivals.Add(CommandResult.customers batch)
    }

    /// One round: results are recorded and what they and others brought is decided, in one transaction. Tells
    /// how many entries it ended.
    let private decide (port: RoundsPort) batch known : Task<int> = task {
        let request = {
            Results = batch
            Known = known
            Most = max port.Batch (CommandResult.customers batch).Length
            Room = port.Room()
            Lease = port.Lease
        }

        // Counted from before the call, so that the node never believes in a lease longer than the others do.
        let leasedUntil = port.World.Now() + port.Lease

        try
            let! advanced = port.Store.Advance request port.Decide

            if not batch.IsEmpty then
                port.Recorded batch

            port.Follow leasedUntil advanced
            return advanced.Ended
        with
        | StoreUnavailable _ as unavailable ->
            // Whether it was committed or not: all of it is looked at again.
            port.Results.PutBack batch
            port.Arrivals.Add known
            return raise unavailable
        | fault ->
            // Something here cannot be written. Results must not wait for it, nor it for them.
            port.Arrivals.Add known

            if not batch.IsEmpty then
                do! record port batch

            ExceptionDispatchInfo.Throw fault
            return 0
    }

    /// The loop's steps, with no round behind it.
    let create (port: RoundsPort) : Rounds =
        let lastRound = ref DateTimeOffset.MinValue

        /// Whether the last search found as much as it can.
        let backlog = ref false

        /// Waits until the next round may begin.
        let breathe cancel : Task = task {
            let since = port.World.Now() - lastRound.Value

            if since >= TimeSpan.Zero && since < breath then
                do! port.World.Delay (breath - since) cancel

            lastRound.Value <- port.World.Now()
        }

        let search () : Task = task {
            // Before it is made: one that fails must not keep the loop from what is told.
            port.Arrivals.Searched()
            backlog.Value <- false
            let! ended = decide port [] []
            backlog.Value <- ended >= port.Batch
        }

        let decideStep (cancel: CancellationToken) : Task = task {
            do! breathe cancel

            // Work of which nobody told is looked for now and then, however much is told.
            if port.Arrivals.IsSearchDue port.Poll then
                do! search ()
            else
                let batch = port.Results.Take mostResults
                let outcomes = CommandResult.customers batch
                let known = port.Arrivals.Take(max 0 (port.Batch - outcomes.Length))

                if not known.IsEmpty || not outcomes.IsEmpty then
                    let! _ = decide port batch known
                    ()
                elif not batch.IsEmpty then
                    do! record port batch
                elif backlog.Value then
                    // On and on while there is much of it and nothing is told.
                    do! search ()
                else
                    do! port.Arrivals.Bell.Wait port.Poll cancel
                    // Whoever comes after a pause is served at once.
                    lastRound.Value <- DateTimeOffset.MinValue
        }

        let recordStep (cancel: CancellationToken) : Task = task {
            match port.Results.Take mostResults with
            | [] -> do! port.Arrivals.Bell.Wait port.Poll cancel
            | batch -> do! record port batch
        }

        {
            Decide = decideStep
            Record = recordStep
        }
