namespace FunctionalBot.Effects

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// A command's turn came after its lease had run out.
exception internal LeaseRanOut

/// A command that is this node's for a while.
[<NoComparison; NoEquality>]
type private Leased = {
    Claimed: ClaimedCommand
    /// UTC; the node believes in its lease no longer than this.
    Until: DateTimeOffset
}

/// What workers tell the engine.
[<NoComparison; NoEquality>]
type internal WorkersReport = {
    /// A command was run, or put back; the result is to be recorded, and then `Forget` told.
    Finished: ClaimedCommand -> CommandResult -> unit
    /// A command could not be run for a reason that lies here: the store was away, the host stops, or its
    /// lease had run out. It comes again, here or elsewhere.
    Abandoned: ClaimedCommand -> exn -> unit
    /// Everything that was taken on is done or under way, after there had been more than hands.
    Emptied: unit -> unit
}

/// The workers of one service on this node.
[<NoComparison; NoEquality>]
type internal Workers = {
    /// How many more commands can be taken on now.
    Room: unit -> int
    /// Whether a hand is free.
    IsFree: unit -> bool
    /// Takes on commands that are leased to this node until that time: they are run as hands come free, in
    /// this order. One whose lease has run out before its turn is not begun: somebody else may have it.
    Take: DateTimeOffset -> ClaimedCommand list -> unit
    /// Their leases were prolonged until that time.
    Keep: DateTimeOffset -> ClaimedCommand list -> unit
    /// The result is recorded, or given up: this try is no longer the node's. A newer one stays.
    Forget: ClaimedCommand -> unit
    /// Everything whose lease must be kept.
    Held: unit -> ClaimedCommand list
    /// Nothing more is begun: what waits for a hand is put back.
    Stop: unit -> unit
}

/// How much a node takes on ahead of its hands: about as much as it has done in the last half second. A fast
/// service never waits for a transaction then, and of a slow one little is kept from other nodes.
[<NoComparison; NoEquality>]
type internal Reach = {
    /// One more was done.
    Count: unit -> unit
    Ahead: unit -> int
}

/// Measuring how much gets done.
module internal Reach =
    let private window = TimeSpan.FromSeconds 0.5

    /// More is not taken on, however fast the service is: it would wait for its lease if the node died.
    let private most = 1500

    /// Never less than `least`.
    let create (world: World) (least: int) : Reach =
        let gate = obj ()
        let began = ref DateTimeOffset.MinValue
        let doneSince = ref 0
        let ahead = ref least

        {
            Count = fun () -> Interlocked.Increment &doneSince.contents |> ignore
            Ahead =
                fun () ->
                    lock gate (fun () ->
                        let now = world.Now()
                        let elapsed = now - began.Value

                        if elapsed < TimeSpan.Zero || elapsed >= window then
                            let count = Interlocked.Exchange(&doneSince.contents, 0)
                            let perWindow = float count * (window / max window elapsed)
                            ahead.Value <- int perWindow |> max least |> min (max least most)
                            began.Value <- now

                        ahead.Value)
        }

/// Hands that run commands of one service side by side, with a short queue ahead of them in memory.
module internal Workers =
    /// Builds the workers. `run` runs one command.
    let create
        (world: World)
        (hands: int)
        (run: ClaimedCommand -> Task<CommandResult>)
        (report: WorkersReport)
        : Workers =
        let held = ConcurrentDictionary<CommandKey, Leased>()
        let queue = ConcurrentQueue<ClaimedCommand>()
        let free = ref hands
        let stopping = ref false
        let reach = Reach.create world hands

        let lease until (claimed: ClaimedCommand) =
            held[claimed.Command.Key] <- { Claimed = claimed; Until = until }

        // A node that was paused may wake up with a queue that others have long taken over.
        let isOurs (claimed: ClaimedCommand) =
            match held.TryGetValue claimed.Command.Key with
            | true, leased -> leased.Claimed.Attempt = claimed.Attempt && world.Now() < leased.Until
            | false, _ -> false

        // Only this try: the command may have come again meanwhile, and its newer lease must be kept.
        let rec forget (claimed: ClaimedCommand) =
            let key = claimed.Command.Key

            match held.TryGetValue key with
            | true, leased when leased.Claimed.Attempt = claimed.Attempt ->
                // Its lease may just have been prolonged.
                if not (held.TryRemove(KeyValuePair(key, leased))) then
                    forget claimed
            | _ -> ()

        let work (claimed: ClaimedCommand) : Task = task {
            if not (isOurs claimed) then
                forget claimed
                report.Abandoned claimed LeaseRanOut
            elif Volatile.Read &stopping.contents then
                let reason = "the node that had taken it on was stopped"
                report.Finished claimed (PutOff(world.Now(), reason))
            else
                try
                    let! result = run claimed
                    reach.Count()
                    report.Finished claimed result
                with fault ->
                    forget claimed
                    report.Abandoned claimed fault
        }

        let rec tryHand () =
            let seen = Volatile.Read &free.contents

            seen > 0
            && (Interlocked.CompareExchange(&free.contents, seen - 1, seen) = seen || tryHand ())

        /// One hand: runs what waits until nothing does.
        let hand () : Task = task {
            let mutable goesOn = true

            while goesOn do
                match queue.TryDequeue() with
                | true, claimed -> do! work claimed
                | false, _ ->
                    Interlocked.Increment &free.contents |> ignore
                    report.Emptied()
                    // Whoever added something just before may have found no free hand.
                    goesOn <- not queue.IsEmpty && tryHand ()
        }

        {
            Room = fun () -> max 0 (hands + reach.Ahead() - held.Count)
            IsFree = fun () -> Volatile.Read &free.contents > 0
            Take =
                fun until commands ->
                    for claimed in commands do
                        lease until claimed
                        queue.Enqueue claimed

                    let mutable waiting = commands.Length

                    while waiting > 0 && tryHand () do
                        waiting <- waiting - 1
                        Work.start hand |> ignore
            Keep =
                fun until commands ->
                    for claimed in commands do
                        match held.TryGetValue claimed.Command.Key with
                        | true, leased when leased.Claimed.Attempt = claimed.Attempt -> lease until claimed
                        | _ -> ()
            Forget = forget
            Held = fun () -> [ for leased in held.Values -> leased.Claimed ]
            Stop = fun () -> Volatile.Write(&stopping.contents, true)
        }
