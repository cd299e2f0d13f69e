namespace FunctionalBot.Effects.Store

open System
open System.Threading
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Effects

/// One look at PostgreSQL's clock: how long the node had been running before and after.
type ClockReading = {
    /// By `World.Elapsed`.
    Asked: TimeSpan
    /// UTC, by PostgreSQL's clock, at some moment in between.
    Database: DateTimeOffset
    /// By `World.Elapsed`.
    Answered: TimeSpan
}

/// PostgreSQL's clock as one node knows it. Nodes write instants for each other to read: ends of leases, waiting
/// times, due timers. Clocks of machines differ, so that all of them go by the one clock that they share.
[<NoComparison; NoEquality>]
type DatabaseClock = {
    /// The node's world with PostgreSQL's time for `Now`; before the first measurement with the node's own.
    World: World
    /// How far PostgreSQL's clock, as measured last, is ahead of the node's; zero before the first measurement.
    Offset: unit -> TimeSpan
    /// Measures now. Raises StoreUnavailable when the database cannot be asked; what was measured before stays.
    Measure: unit -> Task
    /// Measures every few seconds until cancelled, and tells the offset after each time. While the database
    /// is away the last measurement holds.
    Keep: (TimeSpan -> unit) -> CancellationToken -> Task
}

/// Knowing PostgreSQL's time: what it was when it was measured, and how long ago that is by a clock that nobody
/// sets. So a node's own clock may be moved while it works, and nothing is early or late for it.
module DatabaseClock =
    /// How often PostgreSQL's clock is asked.
    let private refresh = TimeSpan.FromSeconds 5.

    /// How often it is looked whether the node's clock has made a jump. The clock that nobody sets may stand still
    /// while the machine sleeps, and a jump is all that tells of it.
    let private glance = TimeSpan.FromMilliseconds 200.

    /// A clock that is merely put right in small steps is no jump.
    let private jump = TimeSpan.FromSeconds 1.

    /// A reading is off by at most half of its round trip. One that took longer, since the node was paused or
    /// the machine is overloaded, says less than the one before it.
    let private longest = TimeSpan.FromSeconds 1.

    /// So many readings make one measurement; the quickest of them counts.
    let private readings = 3

    let private roundTrip reading = reading.Answered - reading.Asked

    /// PostgreSQL's time at the moment at which the node had run for no time at all.
    let private zeroOf reading =
        reading.Database - (reading.Asked + roundTrip reading / 2.)

    /// A clock that is read with `ask`, which is given `World.Elapsed`.
    let create (ask: (unit -> TimeSpan) -> Task<ClockReading>) (world: World) : DatabaseClock =
        // Ticks of PostgreSQL's time when nothing had elapsed; 0 before the first measurement.
        let zero = ref 0L

        let measure () : Task = task {
            let found = ResizeArray()

            for _ in 1..readings do
                let! reading = ask world.Elapsed
                found.Add reading

            let best = Seq.minBy roundTrip found

            if roundTrip best <= longest || Interlocked.Read &zero.contents = 0L then
                Interlocked.Exchange(&zero.contents, (zeroOf best).UtcTicks) |> ignore
        }

        let now () =
            match Interlocked.Read &zero.contents with
            | 0L -> world.Now()
            | ticks -> DateTimeOffset(ticks, TimeSpan.Zero) + world.Elapsed()

        let offset () = now () - world.Now()

        /// Moves only when somebody moves the node's clock, or when the machine slept.
        let started () = world.Now() - world.Elapsed()

        /// Completes when it is time to measure again.
        let pause (cancel: CancellationToken) : Task = task {
            let before = started ()
            let due = world.Elapsed() + refresh
            do! world.Delay glance cancel

            while world.Elapsed() < due && (started () - before).Duration() < jump do
                do! world.Delay glance cancel
        }

        {
            World = { world with Now = now }
            Offset = offset
            Measure = measure
            Keep =
                fun told cancel -> task {
                    while not cancel.IsCancellationRequested do
                        try
                            do! pause cancel
                            do! measure ()
                            told (offset ())
                        with _ ->
                            // Whatever it was, the clock goes on by the last measurement, and the next may succeed.
                            ()
                }
        }

    let private sql = "SELECT clock_timestamp()"

    /// Reads the clock of the database behind these connections. A connection is taken before the time is, so
    /// that waiting for one is no part of the round trip.
    let internal ask (source: NpgsqlDataSource) (elapsed: unit -> TimeSpan) : Task<ClockReading> =
        Database.transact source (fun work -> task {
            // The transaction begins with the first statement that is sent.
            do! Database.run work [ Statement.create "SELECT 1" [], Database.ignoreRows ]
            let asked = elapsed ()
            let database = ref DateTimeOffset.MinValue

            do!
                Database.run work [
                    Statement.create sql [], fun reader -> database.Value <- Database.instantOf reader 0
                ]

            return {
                Asked = asked
                Database = database.Value
                Answered = elapsed ()
            }
        })

    /// The world by the clock of this database, measured once: for work that is soon done.
    let measured (connectionString: string) (world: World) : Task<World> = task {
        use source = NpgsqlDataSource.Create connectionString
        let clock = create (ask source) world
        do! clock.Measure()
        return clock.World
    }
