/// Measures replay: streams read from PostgreSQL, decoded and folded.
module FunctionalBot.Bench.Streams

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Bench.Database
open FunctionalBot.Bench.Measurement
open FunctionalBot.Bench.Recordings
open FunctionalBot.Bench.StreamWriting

/// Replays everything as `bot session replay --all` does; returns how many events that were, and stops where the
/// database is not as it was written.
let private replayAll (source: NpgsqlDataSource) : Task<int> = task {
    let events = ref 0L
    let wrong = ref 0

    do!
        StreamSweep.run
            source
            DateTimeOffset.UnixEpoch
            (Math.Clamp(Environment.ProcessorCount, 2, 6))
            (Replaying.replay source Transition.transition)
            (fun findings ->
                events.Value <- events.Value + findings.Events
                wrong.Value <- wrong.Value + findings.Found.Length + findings.Bad.Length)

    if wrong.Value > 0 then
        invalidOp $"%d{wrong.Value} of the benchmark's own streams are not as they were written"

    return int events.Value
}

/// The settings and the clock play no part in reading.
let private world: World = {
    Now = fun () -> TimeProvider.System.GetUtcNow()
    Elapsed = fun () -> TimeProvider.System.GetElapsedTime 0L
    Delay = fun span cancel -> Task.Delay(span, cancel)
    NewId = Guid.CreateVersion7
    Random = Random.Shared.NextDouble
}

/// Reads and folds one session; returns how many events it has.
let private replay (store: StorePort) (session: SessionId) = task {
    match! store.ReadStream session with
    | Ok events ->
        let folded = List.fold Transition.evolve (Session.initial session) events
        return int folded.Version
    | Error problem ->
        return invalidOp $"%s{problem.Stream} breaks at version %d{problem.Version}: %s{problem.Problem}"
}

let private figure name rounds : Figure = {
    Group = "replay"
    Name = name
    Unit = "events/s"
    Rounds = rounds
    Budget = Some(AtLeast 1e5)
}

/// Streams of one conversation each, one after the other and four at a time; and one long stream. Reading a
/// stream is one round trip, which is most of the cost of a short one.
let replays (effort: Effort) (database: BenchDatabase) : Findings =
    let id ordinal : SessionId = {
        Channel = "whatsapp-bench-replay"
        Customer = CustomerId "ES.7"
        Ordinal = ordinal
    }

    let shortStreams = 1000
    let recording = List.last mixed
    let longest = long 20_000

    let store =
        PostgresStore.create (Settings.ofConnectionString database.Connection) Transition.evolve world

    let work = task {
        use source = NpgsqlDataSource.Create database.Connection

        for ordinal in 1..shortStreams do
            do! write source (id ordinal) recording.Events

        do! write source (id 100_000) longest.Events
        use bulk = RecordedStreams.connect database.Connection 8

        use analyse =
            source.CreateCommand "VACUUM ANALYZE public.mt_streams, public.mt_events, bot.command"

        let! _ = analyse.ExecuteNonQueryAsync()

        let perSecond (counting: unit -> Task<int>) = task {
            let watch = Diagnostics.Stopwatch.StartNew()
            let! count = counting ()
            return float count / watch.Elapsed.TotalSeconds
        }

        let inTurn () = task {
            let mutable count = 0

            for ordinal in 1..shortStreams do
                let! events = replay store.Port (id ordinal)
                count <- count + events

            return count
        }

        let side = 4

        let sideBySide () = task {
            let! counts =
                Task.WhenAll [|
                    for worker in 1..side ->
                        Task.Run<int>(fun () -> task {
                            let mutable count = 0

                            for ordinal in worker..side..shortStreams do
                                let! events = replay store.Port (id ordinal)
                                count <- count + events

                            return count
                        })
                |]

            return Array.sum counts
        }

        let asOne () = replay store.Port (id 100_000)
        let inBulk () = replayAll bulk

        let rounds counting = task {
            for _ in 1..2 do
                let! _ = perSecond counting
                ()

            let values = ResizeArray()

            for _ in 1 .. effort.Rounds do
                let! value = perSecond counting
                values.Add value

            return List.ofSeq values
        }

        let! turn = rounds inTurn
        let! beside = rounds sideBySide
        let! one = rounds asOne
        let! all = rounds inBulk

        return [
            figure $"streams of %d{recording.Events.Length} events, one after the other" turn
            figure $"streams of %d{recording.Events.Length} events, %d{side} at a time" beside
            figure $"one stream of %d{longest.Events.Length} events" one
            figure "all of them, compared with what lies beside them (bot session replay --all)" all
        ]
    }

    let figures = work.GetAwaiter().GetResult()
    store.Close().GetAwaiter().GetResult()
    { nothing with Figures = figures }
