namespace FunctionalBot.Effects.Store

open System
open System.Collections.Generic
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Replay

/// One moment of the database, seen by one short read-only transaction.
[<NoComparison; NoEquality>]
type Snapshot = internal { Work: Work }

/// A stream's name and version, as the sweep over all streams meets it.
[<Struct>]
type StreamPlace = { Stream: string; Version: int64 }

/// Reading recorded streams in bulk, with what the database holds beside them. Nothing here writes.
module RecordedStreams =
    /// A pool for reading, to be disposed by the caller. A statement may take ten minutes: counting goes through all
    /// streams.
    let connect (connectionString: string) (connections: int) : NpgsqlDataSource =
        let patient =
            NpgsqlConnectionStringBuilder(connectionString, CommandTimeout = 600).ConnectionString

        Database.createSource {
            Settings.ofConnectionString patient with
                MaxPool = connections
        }

    /// Reads at one moment: all of `read` sees the same rows. Raises StoreUnavailable where the database is away.
    let at (source: NpgsqlDataSource) (read: Snapshot -> Task<'T>) : Task<'T> =
        Database.transact source (fun work -> task {
            use isolate =
                new NpgsqlCommand(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
                    work.Connection,
                    work.Transaction
                )

            let! _ = isolate.ExecuteNonQueryAsync()
            return! read { Work = work }
        })

    let internal rows (snapshot: Snapshot) sql parameters (read: Data.Common.DbDataReader -> 'Row) = task {
        let found = ResizeArray<'Row>()

        do!
            Database.run snapshot.Work [
                Statement.create sql parameters, (fun reader -> found.Add(read reader))
            ]

        return found
    }

    let private pageSql =
        "SELECT id, coalesce(version, 0) FROM public.mt_streams
        WHERE id > $1 AND starts_with(id, 'session/') AND timestamp >= $2 ORDER BY id LIMIT $3"

    /// The next streams of sessions behind this name ("" for the first) that took an event since then, in the
    /// database's order of names.
    let page (snapshot: Snapshot) (behind: string) (since: DateTimeOffset) (most: int) : Task<StreamPlace[]> =
        task {
            let! found =
                rows
                    snapshot
                    pageSql
                    [ Statement.text behind; Statement.instant since; Statement.int most ]
                    (fun reader -> {
                        Stream = reader.GetString 0
                        Version = reader.GetInt64 1
                    })

            return found.ToArray()
        }

    let private countSql =
        "SELECT count(*), coalesce(sum(version), 0)::bigint FROM public.mt_streams
        WHERE starts_with(id, 'session/') AND timestamp >= $1"

    /// How many streams and events there are since then.
    let count (snapshot: Snapshot) (since: DateTimeOffset) : Task<struct (int64 * int64)> = task {
        let! found =
            rows snapshot countSql [ Statement.instant since ] (fun reader ->
                struct (reader.GetInt64 0, reader.GetInt64 1))

        return found[0]
    }

    let private streamsSql =
        "SELECT n.place::integer, coalesce(st.version, 0), coalesce(st.is_archived, true),
            se.version, se.shape, se.phase, se.data::text
        FROM unnest($1) WITH ORDINALITY AS n(stream, place)
        JOIN public.mt_streams st ON st.id = n.stream
        LEFT JOIN bot.session se ON se.stream = st.id"

    /// The engine's rule: an event that is archived by itself is none. Of a stream that is archived as a whole all can
    /// be looked at. The inner order is that of the index, which spares sorting wide rows; rows of one stream stand
    /// together.
    let private eventsSql =
        "SELECT n.place::integer, e.version, e.id, e.type, e.data::text, e.bdata IS NOT NULL
        FROM unnest($1) WITH ORDINALITY AS n(stream, place)
        CROSS JOIN LATERAL (SELECT version, id, type, data, bdata FROM public.mt_events
            WHERE stream_id = n.stream AND (is_archived = FALSE OR EXISTS (
                SELECT 1 FROM public.mt_streams s WHERE s.id = n.stream AND s.is_archived))
            ORDER BY version) e"

    let private timersSql =
        "SELECT n.place::integer, t.name, t.key, t.due_ticks
        FROM unnest($1) WITH ORDINALITY AS n(stream, place) JOIN bot.timer t ON t.stream = n.stream"

    let private orderedRows (rows: ResizeArray<RecordedRow>) =
        let rows = rows.ToArray()
        let mutable ordered = true

        for index in 1 .. rows.Length - 1 do
            if rows[index - 1].Version > rows[index].Version then
                ordered <- false

        if ordered then rows else rows |> Array.sortBy _.Version

    let private savedIn (reader: Data.Common.DbDataReader) =
        if reader.IsDBNull 3 then
            None
        else
            Some {
                Version = reader.GetInt64 3
                Shape = reader.GetInt64 4
                Phase = reader.GetString 5
                Data = reader.GetString 6
            }

    /// These streams, as far as they exist, with their saved sessions and timers. All their events are held at once.
    let read (snapshot: Snapshot) (streams: string[]) : Task<RecordedStream[]> = task {
        let names = Statement.texts streams
        let found = Dictionary<int, RecordedStream>()
        let events = Array.init streams.Length (fun _ -> ResizeArray<RecordedRow>())
        let timers = Array.init streams.Length (fun _ -> ResizeArray<RecordedTimer>())
        let place (reader: Data.Common.DbDataReader) = reader.GetInt32 0 - 1

        do!
            Database.run snapshot.Work [
                Statement.create streamsSql [ names ],
                fun reader ->
                    found[place reader] <- {
                        Stream = streams[place reader]
                        Version = reader.GetInt64 1
                        Archived = reader.GetBoolean 2
                        Rows = [||]
                        Saved = savedIn reader
                        Timers = []
                    }
                Statement.create eventsSql [ Statement.texts streams ],
                fun reader ->
                    events[place reader].Add {
                        Version = reader.GetInt64 1
                        Id = reader.GetGuid 2
                        Alias = reader.GetString 3
                        Data = reader.GetString 4
                        Binary = reader.GetBoolean 5
                    }
                Statement.create timersSql [ Statement.texts streams ],
                fun reader ->
                    timers[place reader].Add {
                        Name = reader.GetString 1
                        Key = reader.GetString 2
                        DueTicks = reader.GetInt64 3
                    }
            ]

        return [|
            for index in 0 .. streams.Length - 1 do
                match found.TryGetValue index with
                | true, recorded -> {
                    recorded with
                        Rows = orderedRows events[index]
                        Timers = List.ofSeq timers[index]
                  }
                | _ -> ()
        |]
    }
