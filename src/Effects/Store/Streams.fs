namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Replay

/// Reading event streams, ours or what a program with Marten added to them.
module internal Streams =
    /// Only columns that Marten's layout always has are named, so that optional ones may be there or not.
    let private readSql =
        "SELECT version, id, type, data::text, bdata IS NOT NULL FROM public.mt_events
        WHERE stream_id = $1 AND is_archived = FALSE ORDER BY version"

    /// The events of a session in order. An archived or unknown stream has none.
    let read (work: Work) (session: SessionId) : Task<Result<Event list, StreamProblem>> = task {
        let rows = ResizeArray<RecordedRow>()

        do!
            Database.run work [
                Statement.create readSql [ Statement.text (SessionId.text session) ],
                fun reader ->
                    rows.Add {
                        Version = reader.GetInt64 0
                        Id = reader.GetGuid 1
                        Alias = reader.GetString 2
                        Data = reader.GetString 3
                        Binary = reader.GetBoolean 4
                    }
            ]

        return RecordedRow.decode session rows
    }

/// The saved folds of streams.
module internal Sessions =
    /// Marten's layout lets both columns be null: such a row must concern its own session and no other. Writing wants
    /// it to be said that a stream is not archived, so one of which it is not said takes no events either.
    let private loadSql =
        "SELECT st.id, coalesce(st.version, 0), coalesce(st.is_archived, true), se.version, se.shape,
            CASE WHEN se.version = n.known THEN NULL ELSE se.data::text END
        FROM unnest($1, $2) AS n(stream, known)
        CROSS JOIN LATERAL (SELECT * FROM public.mt_streams s WHERE s.id = n.stream LIMIT 1) st
        LEFT JOIN LATERAL (SELECT * FROM bot.session s WHERE s.stream = n.stream LIMIT 1) se ON true"

    /// Changes whenever the type does.
    let shape = Json.shape<Session>

    [<NoComparison>]
    type private Row = {
        Stream: string
        Version: int64
        Archived: bool
        Saved: Session option
    }

    /// Sessions as this node has last saved or read them, by stream. One is used where the database says that
    /// it still has the same version; it spares sending and decoding most of them. Whoever puts another
    /// history in place of this one breaks the connections with that, and then they are forgotten.
    type Memory = Generations<string, Session>

    let private saved (version: int64) (savedVersion: int64) savedShape json =
        if savedVersion = version && savedShape = shape then
            Json.read<Session> json |> Result.toOption
        else
            None

    let private rebuild work fold (session: SessionId) version = task {
        match! Streams.read work session with
        | Error problem -> return Error problem
        | Ok events ->
            let rebuilt: Session = List.fold fold (Session.initial session) events

            if rebuilt.Version = version then
                return Ok rebuilt
            else
                return
                    Error {
                        Stream = SessionId.text session
                        Version = rebuilt.Version + 1L
                        Problem = $"the stream says it has version %d{version}, its events fold to another"
                    }
    }

    /// Sessions on their way from the database.
    [<NoComparison; NoEquality>]
    type Reading = {
        /// To be run once; empty where none is asked for.
        Statements: (NpgsqlBatchCommand * (Data.Common.DbDataReader -> unit)) list
        /// To be called after that: the sessions that exist, each as it is at the last version of its stream.
        /// A saved one that is missing, of another shape, or behind its stream is rebuilt by folding the
        /// stream.
        Finish: Work -> Task<Map<SessionId, Result<Session, StreamProblem>>>
    }

    let private finish fold (names: Map<string, SessionId>) (rows: Row seq) work = task {
        let mutable found = Map.empty

        for row in rows do
            let session = names[row.Stream]

            let broken problem : Result<Session, StreamProblem> =
                Error {
                    Stream = row.Stream
                    Version = row.Version
                    Problem = problem
                }

            let! read =
                match row with
                // The customer's next words open the next session, whatever became of a closed one's stream.
                | { Archived = true; Saved = Some saved } when Session.isClosed saved ->
                    Task.FromResult(Ok saved)
                | { Archived = true } -> Task.FromResult(broken "the stream is archived and takes no events")
                | { Saved = Some saved } -> Task.FromResult(Ok saved)
                | { Saved = None } -> rebuild work fold session row.Version

            found <- Map.add session read found

        return found
    }

    /// Reads the sessions that exist among these.
    let read (memory: Memory) (fold: Session -> Event -> Session) (sessions: SessionId list) : Reading =
        let names =
            sessions
            |> List.map (fun session -> SessionId.text session, session)
            |> Map.ofList

        let streams = names |> Map.toArray |> Array.map fst
        let rows = ResizeArray()

        let known =
            streams
            |> Array.choose (fun stream -> memory.Find stream |> Option.map (fun session -> stream, session))
            |> Map.ofArray

        let savedOf stream version (reader: Data.Common.DbDataReader) =
            if reader.IsDBNull 3 then
                None
            elif reader.IsDBNull 5 then
                known.TryFind stream |> Option.filter (fun session -> session.Version = version)
            else
                saved version (reader.GetInt64 3) (reader.GetInt64 4) (reader.GetString 5)

        let versions =
            streams
            |> Seq.map (known.TryFind >> Option.map (fun session -> session.Version))

        {
            Statements = [
                if not sessions.IsEmpty then
                    Statement.create loadSql [ Statement.texts streams; Statement.bigintOptions versions ],
                    fun reader ->
                        let stream = reader.GetString 0
                        let version = reader.GetInt64 1

                        rows.Add {
                            Stream = stream
                            Version = version
                            Archived = reader.GetBoolean 2
                            Saved = savedOf stream version reader
                        }
            ]
            Finish = finish fold names rows
        }
