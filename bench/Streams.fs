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

let private streamSql =
    "INSERT INTO public.mt_streams (id, version) VALUES ($1, $2) ON CONFLICT DO NOTHING"

let private eventsSql =
    "INSERT INTO public.mt_events (seq_id, id, stream_id, version, data, type, mt_dotnet_type)
    SELECT nextval('public.mt_events_sequence'), gen_random_uuid(), $1, version, data::jsonb, type, dotnet_type
    FROM unnest($2, $3, $4, $5) AS n(version, data, type, dotnet_type)"

/// Writes a recording as the stream of a session, as the store would have.
let private write (source: NpgsqlDataSource) (session: SessionId) (events: Event[]) : Task = task {
    let stored =
        events |> Array.map (fun event -> Codec.write event.At event.Cause event.Fact)

    let stream = SessionId.text session
    use first = source.CreateCommand streamSql
    first.Parameters.Add(NpgsqlParameter<string>(TypedValue = stream)) |> ignore

    first.Parameters.Add(NpgsqlParameter<int64>(TypedValue = int64 events.Length))
    |> ignore

    let! _ = first.ExecuteNonQueryAsync()
    use second = source.CreateCommand eventsSql
    second.CommandTimeout <- 120
    second.Parameters.Add(NpgsqlParameter<string>(TypedValue = stream)) |> ignore

    let column (values: 'Value[]) =
        second.Parameters.Add(NpgsqlParameter<'Value[]>(TypedValue = values)) |> ignore

    column (events |> Array.map _.Version)
    column (stored |> Array.map _.Data)
    column (stored |> Array.map _.Alias)
    column (stored |> Array.map _.DotnetType)
    let! _ = second.ExecuteNonQueryAsync()
    ()
}

/// The settings and the clock play no part in reading.
let private world: World = {
    Now = fun () -> TimeProvider.System.GetUtcNow()
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
        use analyse = source.CreateCommand "ANALYZE public.mt_streams, public.mt_events"
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

        return [
            figure $"streams of %d{recording.Events.Length} events, one after the other" turn
            figure $"streams of %d{recording.Events.Length} events, %d{side} at a time" beside
            figure $"one stream of %d{longest.Events.Length} events" one
        ]
    }

    let figures = work.GetAwaiter().GetResult()
    store.Close().GetAwaiter().GetResult()
    { nothing with Figures = figures }
