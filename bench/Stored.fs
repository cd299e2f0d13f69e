/// Many sessions stored: what a message costs when it belongs to any one of them.
module FunctionalBot.Bench.Stored

open System
open System.Diagnostics
open System.Threading
open Npgsql
open FunctionalBot.Bench.BotProcess
open FunctionalBot.Bench.Conversing
open FunctionalBot.Bench.Database
open FunctionalBot.Bench.Driving

/// The customer whose conversation is copied; far from all others.
let pattern = 999_999

/// Everything that is there of a conversation with one question and its answer, once more for each customer from $1
/// to $2. The counters stay as they are: what is copied did not come in.
let private copies = [
    "INSERT INTO bot.contact (channel, customer, business_scoped_id, phone, name, language, current_ordinal, created,
        last_activity)
    SELECT channel, 'ES.1349120865' || lpad(g::text, 6, '0'), 'ES.1349120865' || lpad(g::text, 6, '0'),
        '34600' || lpad(g::text, 6, '0'), name, language, current_ordinal, created, last_activity
    FROM bot.contact, generate_series($1, $2) g WHERE customer = $3"
    "INSERT INTO public.mt_streams (id, type, version, timestamp, created, tenant_id, is_archived)
    SELECT replace(id, $3, 'ES.1349120865' || lpad(g::text, 6, '0')), type, version, timestamp, created, tenant_id,
        is_archived
    FROM public.mt_streams, generate_series($1, $2) g WHERE id LIKE '%/' || $3 || '/%'"
    "INSERT INTO public.mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type,
        is_archived)
    SELECT nextval('public.mt_events_sequence'), gen_random_uuid(),
        replace(stream_id, $3, 'ES.1349120865' || lpad(g::text, 6, '0')), version,
        replace(data::text, $3, 'ES.1349120865' || lpad(g::text, 6, '0'))::jsonb, type, timestamp, tenant_id,
        mt_dotnet_type, is_archived
    FROM public.mt_events, generate_series($1, $2) g WHERE stream_id LIKE '%/' || $3 || '/%'"
    "INSERT INTO bot.session (stream, version, shape, phase, last_activity, data)
    SELECT replace(stream, $3, 'ES.1349120865' || lpad(g::text, 6, '0')), version, shape, phase, last_activity,
        replace(data::text, $3, 'ES.1349120865' || lpad(g::text, 6, '0'))::json
    FROM bot.session, generate_series($1, $2) g WHERE stream LIKE '%/' || $3 || '/%'"
    "WITH copied AS (
        INSERT INTO bot.command (key, channel, customer, session_ordinal, version, ordinal, kind, language, queued_at,
            payload)
        SELECT replace(key, $3, 'ES.1349120865' || lpad(g::text, 6, '0')), channel,
            'ES.1349120865' || lpad(g::text, 6, '0'), session_ordinal, version, ordinal, kind, language, queued_at,
            payload
        FROM bot.command, generate_series($1, $2) g WHERE customer = $3 RETURNING id)
    INSERT INTO bot.command_end (id, state, attempts, at) SELECT id, 'done', 1, now() FROM copied"
    "WITH copied AS (
        INSERT INTO bot.inbox (source, source_id, channel, customer, session, at, received_at, kind, fact)
        SELECT source, replace(source_id, $3, '') || '.' || g, channel, 'ES.1349120865' || lpad(g::text, 6, '0'),
            replace(session, $3, 'ES.1349120865' || lpad(g::text, 6, '0')), at, received_at, kind, fact
        FROM bot.inbox, generate_series($1, $2) g WHERE customer = $3 RETURNING id)
    INSERT INTO bot.inbox_end (id, state, version, at) SELECT id, 'applied', 2, now() FROM copied"
    "INSERT INTO bot.timer (stream, name, due, due_ticks, key)
    SELECT replace(stream, $3, 'ES.1349120865' || lpad(g::text, 6, '0')), name, due + interval '1 day', due_ticks,
        replace(key, $3, 'ES.1349120865' || lpad(g::text, 6, '0'))
    FROM bot.timer, generate_series($1, $2) g WHERE stream LIKE '%/' || $3 || '/%'"
]

/// Copied in one transaction.
let private portion = 20_000

/// The pattern's conversation: one question and its answer.
let private converse (bot: Bot) (crowd: Crowd) =
    let sent = ref false

    let next () = task {
        if sent.Value then
            return ValueNone
        else
            sent.Value <- true
            let since = Stopwatch.GetTimestamp()
            let number = crowd.Write pattern since
            let body = WebhookBody.message pattern number (TimeProvider.System.GetUtcNow())
            return ValueSome(struct (WebhookBody.request body, since))
    }

    (drive bot.Port next).GetAwaiter().GetResult() |> ignore

    if not (waitForAnswers crowd (TimeSpan.FromSeconds 30.)) then
        invalidOp "The conversation to be copied got no answer."

    waitUntilQuiet bot (TimeSpan.FromSeconds 30.) |> ignore

/// Stores sessions for the customers from `first` on. `crowd` is that of the pattern alone.
let fill (database: BenchDatabase) (bot: Bot) (crowd: Crowd) (first: int) (count: int) : unit =
    converse bot crowd

    let connection =
        NpgsqlConnectionStringBuilder(database.Connection, CommandTimeout = 600)

    use source = NpgsqlDataSource.Create connection.ConnectionString
    let mutable from = first

    while from < first + count do
        let until = min (from + portion) (first + count) - 1

        for sql in copies do
            use command = source.CreateCommand sql
            command.Parameters.Add(NpgsqlParameter<int>(TypedValue = from)) |> ignore
            command.Parameters.Add(NpgsqlParameter<int>(TypedValue = until)) |> ignore

            command.Parameters.Add(NpgsqlParameter<string>(TypedValue = $"ES.1349120865%06d{pattern}"))
            |> ignore

            command.ExecuteNonQuery() |> ignore

        from <- until + 1

        if (from - first) % (portion * 5) = 0 then
            eprintfn "    %i of %i sessions stored" (from - first) count

    // As autovacuum would have done while they came one by one.
    use vacuum = source.CreateCommand "VACUUM ANALYZE"
    vacuum.ExecuteNonQuery() |> ignore
