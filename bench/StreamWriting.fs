/// Writes recordings into the database as the store would have left them.
module FunctionalBot.Bench.StreamWriting

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Replay

let private streamSql =
    "INSERT INTO public.mt_streams (id, version) VALUES ($1, $2) ON CONFLICT DO NOTHING"

let private eventsSql =
    "INSERT INTO public.mt_events (seq_id, id, stream_id, version, data, type)
    SELECT nextval('public.mt_events_sequence'), gen_random_uuid(), $1, version, data::jsonb, type
    FROM unnest($2, $3, $4) AS n(version, data, type)"

/// Writes a recording as the stream of a session, as the store would have.
let private writeStream (source: NpgsqlDataSource) (session: SessionId) (rows: RecordedRow[]) : Task = task {
    let stream = SessionId.text session
    use first = source.CreateCommand streamSql
    first.Parameters.Add(NpgsqlParameter<string>(TypedValue = stream)) |> ignore

    first.Parameters.Add(NpgsqlParameter<int64>(TypedValue = int64 rows.Length))
    |> ignore

    let! _ = first.ExecuteNonQueryAsync()
    use second = source.CreateCommand eventsSql
    second.CommandTimeout <- 120
    second.Parameters.Add(NpgsqlParameter<string>(TypedValue = stream)) |> ignore

    let column (values: 'Value[]) =
        second.Parameters.Add(NpgsqlParameter<'Value[]>(TypedValue = values)) |> ignore

    column (rows |> Array.map _.Version)
    column (rows |> Array.map _.Data)
    column (rows |> Array.map _.Alias)
    let! _ = second.ExecuteNonQueryAsync()
    ()
}

let private sessionSql =
    "INSERT INTO bot.session (stream, version, shape, phase, last_activity, data)
    VALUES ($1, $2, $3, $4, now(), $5::json) ON CONFLICT DO NOTHING"

let private commandsSql =
    "INSERT INTO bot.command (key, channel, customer, session_ordinal, version, ordinal, kind, language, queued_at,
        payload)
    SELECT key, $1, $2, $3, version, ordinal, kind, 'es', now(), payload::json
    FROM unnest($4, $5, $6, $7, $8) AS n(key, version, ordinal, kind, payload)"

let private timersSql =
    "INSERT INTO bot.timer (stream, name, due, due_ticks, key) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"

/// Writes what lies beside the stream when all its commands are done: the saved session, the commands and the timers.
let private writeBeside (source: NpgsqlDataSource) (session: SessionId) (rows: RecordedRow[]) : Task = task {
    let refolded =
        match RecordedRow.decode session rows with
        | Ok events -> Refold.events Transition.transition session events
        | Error problem -> invalidOp $"%s{problem.Stream} breaks at %d{problem.Version}: %s{problem.Problem}"

    let (CustomerId customer) = session.Customer
    use saved = source.CreateCommand sessionSql
    use queued = source.CreateCommand commandsSql
    queued.CommandTimeout <- 120

    let text (command: NpgsqlCommand) (value: string) =
        command.Parameters.Add(NpgsqlParameter<string>(TypedValue = value)) |> ignore

    let number (command: NpgsqlCommand) (value: int64) =
        command.Parameters.Add(NpgsqlParameter<int64>(TypedValue = value)) |> ignore

    let column (values: 'Value[]) =
        queued.Parameters.Add(NpgsqlParameter<'Value[]>(TypedValue = values)) |> ignore

    text saved (SessionId.text session)
    number saved refolded.Session.Version
    number saved Json.shape<Session>
    text saved (SessionWords.phaseName refolded.Session)
    text saved (Json.write refolded.Session)
    let! _ = saved.ExecuteNonQueryAsync()

    let commands =
        refolded.Asked
        |> List.filter (fun command -> CommandKind.isQueued command.Action)
        |> List.toArray

    text queued session.Channel
    text queued customer
    number queued (int64 session.Ordinal)
    column (commands |> Array.map (fun command -> CommandKey.text command.Key))
    column (commands |> Array.map _.Key.Version)
    column (commands |> Array.map _.Key.Ordinal)
    column (commands |> Array.map (fun command -> CommandKind.ofAction command.Action))
    column (commands |> Array.map (fun command -> Json.write command.Action))
    let! _ = queued.ExecuteNonQueryAsync()

    for command in Transition.resume refolded.Session do
        match command.Action with
        | SetTimer(timer, due) ->
            use set = source.CreateCommand timersSql
            text set (SessionId.text session)

            text
                set
                (match timer with
                 | QuietTimer -> "quiet"
                 | IdleTimer -> "idle")

            set.Parameters.Add(NpgsqlParameter<DateTime>(TypedValue = due.UtcDateTime))
            |> ignore

            number set due.UtcTicks
            text set (CommandKey.text command.Key)
            let! _ = set.ExecuteNonQueryAsync()
            ()
        | _ -> ()
}

/// Writes a recording as the stream of a session, with what the store would have left beside it.
let write (source: NpgsqlDataSource) (session: SessionId) (events: Event[]) : Task = task {
    // The keys of commands name the session that was recorded.
    let recorded = SessionId.text events[0].Session

    let rows =
        List.ofArray events
        |> Regression.rowsOf
        |> Array.map (fun row -> {
            row with
                Data = row.Data.Replace(recorded + "/", SessionId.text session + "/")
        })

    do! writeStream source session rows
    do! writeBeside source session rows
}
