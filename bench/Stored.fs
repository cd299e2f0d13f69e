/// Many sessions stored: what a message costs when it belongs to any one of them.
module FunctionalBot.Bench.Stored

open System
open System.Diagnostics
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Bench.BotProcess
open FunctionalBot.Bench.Conversing
open FunctionalBot.Bench.Database
open FunctionalBot.Bench.Driving

/// The customer whose conversation is copied.
let pattern = 9_000_000

/// The first customer of those who get a copy; behind all others, so that copies are added at the end of each index.
let first = 10_000_000

/// What a copy's customer is called in SQL, where g is the number. As `WebhookBody.customerId` and `phone` say it.
let private id = "'ES.1349120865' || lpad(g::text, 9, '0')"

let private phone = "'34600' || lpad(g::text, 9, '0')"

/// A name or a document of the pattern's with the id, and the phone, of the copy's customer.
let private renamed column = $"replace(%s{column}, $3, %s{id})"

let private rewritten column =
    $"replace(replace(%s{column}::text, $3, %s{id}), $4, %s{phone})"

/// The rows of the pattern's conversation, apart from all others: copying must not look for them among the copies.
let private patterns = [
    "CREATE SCHEMA bench"
    "CREATE TABLE bench.contact AS SELECT * FROM bot.contact WHERE customer = $1"
    "CREATE TABLE bench.stream AS SELECT * FROM public.mt_streams WHERE id LIKE '%/' || $1 || '/%'"
    "CREATE TABLE bench.event AS SELECT * FROM public.mt_events WHERE stream_id LIKE '%/' || $1 || '/%'"
    "CREATE TABLE bench.session AS SELECT * FROM bot.session WHERE stream LIKE '%/' || $1 || '/%'"
    "CREATE TABLE bench.command AS SELECT * FROM bot.command WHERE customer = $1"
    "CREATE TABLE bench.inbox AS SELECT * FROM bot.inbox WHERE customer = $1"
    "CREATE TABLE bench.timer AS SELECT * FROM bot.timer WHERE stream LIKE '%/' || $1 || '/%'"
]

/// Everything that is there of a conversation with one question and its answer, once more for each customer from $1
/// to $2, where $3 is the pattern's id and $4 its phone. The counters stay as they are: what is copied did not come in.
let private copies = [
    $"""INSERT INTO bot.contact (channel, customer, business_scoped_id, phone, name, language, current_ordinal, created,
        last_activity)
    SELECT channel, %s{id}, %s{id}, %s{phone}, name, language, current_ordinal, created, last_activity
    FROM generate_series($1, $2) g, bench.contact"""
    $"""INSERT INTO public.mt_streams (id, type, version, timestamp, created, tenant_id, is_archived)
    SELECT %s{renamed "id"}, type, version, timestamp, created, tenant_id, is_archived
    FROM generate_series($1, $2) g, bench.stream"""
    $"""INSERT INTO public.mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type,
        is_archived)
    SELECT nextval('public.mt_events_sequence'), gen_random_uuid(), %s{renamed "stream_id"}, version,
        %s{rewritten "data"}::jsonb, type, timestamp, tenant_id, mt_dotnet_type, is_archived
    FROM generate_series($1, $2) g, bench.event"""
    $"""INSERT INTO bot.session (stream, version, shape, phase, last_activity, data)
    SELECT %s{renamed "stream"}, version, shape, phase, last_activity, %s{rewritten "data"}::json
    FROM generate_series($1, $2) g, bench.session"""
    $"""WITH copied AS (
        INSERT INTO bot.command (key, channel, customer, session_ordinal, version, ordinal, kind, language, queued_at,
            payload)
        SELECT %s{renamed "key"}, channel, %s{id}, session_ordinal, version, ordinal, kind, language, queued_at, payload
        FROM generate_series($1, $2) g, bench.command RETURNING id)
    INSERT INTO bot.command_end (id, state, attempts, at) SELECT id, 'done', 1, now() FROM copied"""
    $"""WITH copied AS (
        INSERT INTO bot.inbox (source, source_id, channel, customer, session, at, received_at, kind, fact)
        SELECT source, replace(source_id, $3, '') || '.' || g, channel, %s{id}, %s{renamed "session"}, at, received_at,
            kind, fact
        FROM generate_series($1, $2) g, bench.inbox RETURNING id)
    INSERT INTO bot.inbox_end (id, state, version, at) SELECT id, 'applied', 2, now() FROM copied"""
    $"""INSERT INTO bot.timer (stream, name, due, due_ticks, key)
    SELECT %s{renamed "stream"}, name, due + interval '1 day', due_ticks, %s{renamed "key"}
    FROM generate_series($1, $2) g, bench.timer"""
]

/// Customers whose rows are copied in one transaction.
let private portion = 25_000

/// Tables that are filled at the same time.
let private side = 2

/// The pattern's conversation: one question and its answer. `crowd` is the pattern alone.
let converse (bot: Bot) (crowd: Crowd) : unit =
    let sent = ref false

    let next _ = task {
        if sent.Value then
            return ValueNone
        else
            sent.Value <- true
            let since = Stopwatch.GetTimestamp()
            let number = crowd.Write pattern since
            let body = WebhookBody.message pattern number (TimeProvider.System.GetUtcNow())
            return ValueSome(struct (WebhookBody.request body, since))
    }

    // Only one connection may ask: the others find that it was sent.
    drive bot (fun connection ->
        if connection = 0 then
            next ()
        else
            Task.FromResult ValueNone)
    |> ignore

    if not (waitForAnswers bot crowd (TimeSpan.FromSeconds 30.)) then
        invalidOp "The conversation to be copied got no answer."

    waitUntilQuiet bot (TimeSpan.FromSeconds 30.) |> ignore

let private parameters (command: NpgsqlCommand) (from: int) (until: int) =
    let add (value: 'Value) =
        command.Parameters.Add(NpgsqlParameter<'Value>(TypedValue = value)) |> ignore

    add from
    add until
    add (WebhookBody.customerId pattern)
    add (WebhookBody.phone pattern)

/// Runs a statement for all portions, one after the other, on a connection of its own.
let private copy (source: NpgsqlDataSource) (from: int) (count: int) (sql: string) : Task = task {
    use! connection = source.OpenConnectionAsync()

    let perform (text: string) = task {
        use command = new NpgsqlCommand(text, connection)
        let! _ = command.ExecuteNonQueryAsync()
        ()
    }

    do! perform "SET synchronous_commit = off"

    // The foreign key from events to streams holds for copies by itself, and to look it up is most of the work.
    try
        do! perform "SET session_replication_role = replica"
    with :? PostgresException ->
        // Only superusers may; it goes without.
        ()

    let mutable start = from

    while start < from + count do
        let until = min (start + portion) (from + count) - 1
        use command = new NpgsqlCommand(sql, connection)
        command.CommandTimeout <- 0
        parameters command start until
        let! _ = command.ExecuteNonQueryAsync()
        start <- until + 1
}

/// Stores copies of the pattern's conversation, which must have taken place, for `count` customers from number `from`
/// on. The bot must not run meanwhile.
let fill (database: BenchDatabase) (from: int) (count: int) : unit =
    let watch = Stopwatch.StartNew()

    // A session that was let without foreign keys must not go back to a pool.
    let connection =
        NpgsqlConnectionStringBuilder(database.Connection, CommandTimeout = 0, Pooling = false)

    use source = NpgsqlDataSource.Create connection.ConnectionString

    let perform (text: string) =
        use command = source.CreateCommand text

        if text.Contains "$1" then
            command.Parameters.Add(NpgsqlParameter<string>(TypedValue = WebhookBody.customerId pattern))
            |> ignore

        command.ExecuteNonQuery() |> ignore

    perform "DROP SCHEMA IF EXISTS bench CASCADE"
    List.iter perform patterns

    // Streams stand before events, so that a key is there where keys are looked up after all.
    let first, others =
        copies |> List.partition (fun sql -> sql.Contains "INTO public.mt_streams")

    for sql in first do
        (copy source from count sql).GetAwaiter().GetResult()

    let options = ParallelOptions(MaxDegreeOfParallelism = side)

    Parallel
        .ForEachAsync(others, options, fun sql _ -> ValueTask(copy source from count sql))
        .GetAwaiter()
        .GetResult()

    perform "DROP SCHEMA bench CASCADE"
    // As autovacuum and checkpoints would have done while they came one by one.
    perform "VACUUM ANALYZE"

    try
        perform "CHECKPOINT"
    with :? PostgresException ->
        // Only those with the right may ask for one.
        ()

    eprintfn "    %i sessions stored in %.0f s" count watch.Elapsed.TotalSeconds
