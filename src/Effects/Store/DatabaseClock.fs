namespace FunctionalBot.Effects.Store

open System
open System.Threading
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Effects

/// One look at PostgreSQL's clock: what the node's own clock said before and after.
type ClockReading = {
    /// UTC, by the node's clock.
    Asked: DateTimeOffset
    /// UTC, by PostgreSQL's clock, at some moment in between.
    Database: DateTimeOffset
    /// UTC, by the node's clock.
    Answered: DateTimeOffset
}

/// PostgreSQL's clock as one node knows it. Nodes write instants for each other to read: ends of leases, waiting
/// times, due timers. Clocks of machines differ, so that all of them go by the one clock that they share.
[<NoComparison; NoEquality>]
type DatabaseClock = {
    /// The node's world with PostgreSQL's time for `Now`; before the first measurement with the node's own.
    World: World
    /// How far PostgreSQL's clock is ahead of the node's, as measured last; zero before the first measurement.
    Offset: unit -> TimeSpan
    /// Measures now. Raises StoreUnavailable when the database cannot be asked; what was measured before stays.
    Measure: unit -> Task
    /// Measures every few seconds until cancelled, and tells the offset after each time. While the database
    /// is away the last offset holds.
    Keep: (TimeSpan -> unit) -> CancellationToken -> Task
}

/// Measuring the difference between two clocks.
module DatabaseClock =
    /// How often the offset is measured: a clock that is set right meanwhile is wrong here for so long.
    let private refresh = TimeSpan.FromSeconds 5.

    /// A reading is off by at most half of its round trip. One that took longer, since the node was paused or
    /// the machine is overloaded, says less than the one before it.
    let private longest = TimeSpan.FromSeconds 1.

    /// So many readings make one measurement; the quickest of them counts.
    let private readings = 3

    let private roundTrip reading = reading.Answered - reading.Asked

    /// The node's clock can be set back while a reading is under way.
    let private makesSense reading = roundTrip reading >= TimeSpan.Zero

    let private offsetOf reading =
        reading.Database - (reading.Asked + roundTrip reading / 2.)

    /// A clock that is read with `ask`, which is given the node's own clock.
    let create (ask: (unit -> DateTimeOffset) -> Task<ClockReading>) (world: World) : DatabaseClock =
        let offset = ref 0L
        let isMeasured = ref false

        let measure () : Task = task {
            let found = ResizeArray()

            for _ in 1..readings do
                let! reading = ask world.Now

                if makesSense reading then
                    found.Add reading

            if found.Count > 0 then
                let best = Seq.minBy roundTrip found

                if roundTrip best <= longest || not isMeasured.Value then
                    Interlocked.Exchange(&offset.contents, (offsetOf best).Ticks) |> ignore
                    isMeasured.Value <- true
        }

        let current () =
            TimeSpan.FromTicks(Interlocked.Read &offset.contents)

        {
            World = {
                world with
                    Now = fun () -> world.Now() + current ()
            }
            Offset = current
            Measure = measure
            Keep =
                fun told cancel -> task {
                    while not cancel.IsCancellationRequested do
                        try
                            do! world.Delay refresh cancel
                            do! measure ()
                            told (current ())
                        with
                        | StoreUnavailable _
                        | :? OperationCanceledException -> ()
                }
        }

    let private sql = "SELECT clock_timestamp()"

    /// Reads the clock of the database behind these connections. A connection is taken before the time is, so
    /// that waiting for one is no part of the round trip.
    let internal ask (source: NpgsqlDataSource) (now: unit -> DateTimeOffset) : Task<ClockReading> =
        Database.transact source (fun work -> task {
            // The transaction begins with the first statement that is sent.
            do! Database.run work [ Statement.create "SELECT 1" [], Database.ignoreRows ]
            let asked = now ()
            let database = ref DateTimeOffset.MinValue

            do!
                Database.run work [
                    Statement.create sql [], fun reader -> database.Value <- Database.instantOf reader 0
                ]

            return {
                Asked = asked
                Database = database.Value
                Answered = now ()
            }
        })

    /// The world by the clock of this database, measured once: for work that is soon done.
    let measured (connectionString: string) (world: World) : Task<World> = task {
        use source = NpgsqlDataSource.Create connectionString
        let clock = create (ask source) world
        do! clock.Measure()
        return clock.World
    }
