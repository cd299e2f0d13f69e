namespace FunctionalBot.Effects.Store

open System
open System.Collections.Generic
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// One entry on its way into the inbox.
type internal NewEntry = {
    Source: string
    /// Unique within the source, made fit for an index by `StoredText.name`.
    SourceId: string
    /// The row of bot.webhook that it came with.
    Webhook: int64 option
    Channel: string option
    Customer: string option
    /// The stream that an outcome or a timer belongs to.
    Session: string option
    At: DateTimeOffset
    ReceivedAt: DateTimeOffset
    Kind: string option
    /// JSON.
    Fact: string option
    /// A W3C traceparent.
    Trace: string option
    /// How and why it ended on arrival; None for what is to be decided.
    Ended: (string * string option) option
}

/// Counters of `bot.tally`. A row is shared only by backends whose ids agree in four bits. Every transaction
/// locks its rows in the order of their names, so that two never wait for each other: a transaction that counts
/// in several statements counts commands before entries, since 'command-…' comes first.
module internal Tally =
    /// Adds (what, amount) rows of the query `counts` to the counters of the day in the parameter `day`.
    let add (day: string) (counts: string) =
        "INSERT INTO bot.tally AS t (day, what, shard, amount)
            SELECT ("
        + day
        + "::timestamptz AT TIME ZONE 'UTC')::date, what, pg_backend_pid() % 16, amount
            FROM ("
        + counts
        + ") AS n(what, amount) WHERE amount > 0 ORDER BY what
            ON CONFLICT (day, what, shard) DO UPDATE SET amount = t.amount + excluded.amount"

    let private countedSql =
        add "$3" "SELECT what, sum(amount) FROM unnest($1, $2) AS c(what, amount) GROUP BY what"
        + " RETURNING 1"

    /// Adds what a transaction has counted: the last that it writes.
    let counted (now: DateTimeOffset) (counts: (string * int64) seq) : NpgsqlBatchCommand =
        let counts = Seq.toList counts

        Statement.create countedSql [
            Statement.texts (counts |> Seq.map fst)
            Statement.bigints (counts |> Seq.map snd)
            Statement.instant now
        ]

/// Taking back what was counted.
module internal Untally =
    let private move (amount: string) (rows: string) =
        "INSERT INTO bot.tally AS t (day, what, shard, amount)
            SELECT (n.at AT TIME ZONE 'UTC')::date, n.what, pg_backend_pid() % 16, "
        + amount
        + " FROM ("
        + rows
        + ") AS n(at, what) GROUP BY 1, 2, 3 ORDER BY 2
            ON CONFLICT (day, what, shard) DO UPDATE SET amount = t.amount + excluded.amount"

    /// Takes one off the counter for each row (at, what) of the query: on the day on which it was counted, so that each
    /// day's numbers stay those of what lies in the tables.
    let each (rows: string) = move "-count(*)" rows

    /// Adds one to the counter for each row, on that day: what was something else counts as this.
    let back (rows: string) = move "count(*)" rows

/// Adding to the inbox.
module internal Inbox =
    let private sql tallied =
        "WITH input AS (
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
                WITH ORDINALITY AS n(source, source_id, webhook, channel, customer, session, at, received_at,
                    kind, fact, ended, reason, trace, place)),
        added AS (
            INSERT INTO bot.inbox (source, source_id, webhook, channel, customer, session, at, received_at,
                kind, fact, ended, reason, trace)
            SELECT source, source_id, webhook, channel, customer, session, at, received_at,
                kind, fact::json, ended, reason, trace
            FROM input ORDER BY place
            ON CONFLICT (source, source_id) DO NOTHING
            RETURNING id, channel, customer, at, received_at, ended),
        queued AS (
            INSERT INTO bot.inbox_pending (id, channel, customer, at, received_at)
            SELECT id, channel, customer, at, received_at FROM added WHERE ended IS NULL)"
        + tallied
        + " SELECT count(*) FROM added"

    let private plainSql = sql ""

    let private tallyingSql =
        Tally.add
            "$14"
            "SELECT 'received', $15::bigint
             UNION ALL SELECT 'duplicate', $15::bigint - (SELECT count(*) FROM added)
             UNION ALL SELECT ended, count(*) FROM added WHERE ended IS NOT NULL GROUP BY ended"
        |> sprintf ", tallied AS (%s)"
        |> sql

    let private columns (entries: NewEntry list) =
        let seen = HashSet()

        let distinct =
            entries
            |> List.filter (fun entry -> seen.Add(struct (entry.Source, entry.SourceId)))

        let column part = distinct |> Seq.map part

        [
            Statement.texts (column _.Source)
            Statement.texts (column _.SourceId)
            Statement.bigintOptions (column _.Webhook)
            Statement.textOptions (column _.Channel)
            Statement.textOptions (column _.Customer)
            Statement.textOptions (column _.Session)
            Statement.instants (column _.At)
            Statement.instants (column _.ReceivedAt)
            Statement.textOptions (column _.Kind)
            Statement.textOptions (column _.Fact)
            Statement.textOptions (column (fun entry -> Option.map fst entry.Ended))
            Statement.textOptions (column (fun entry -> Option.bind snd entry.Ended))
            Statement.textOptions (column _.Trace)
        ]

    /// Adds the entries and counts them; those whose source id is known, in the inbox or earlier in the list,
    /// count as duplicates.
    let insert (now: DateTimeOffset) (entries: NewEntry list) : NpgsqlBatchCommand =
        columns entries
        @ [ Statement.instant now; Statement.bigint (int64 entries.Length) ]
        |> Statement.create tallyingSql

    /// Adds entries that are to be decided; what is to be counted goes to `counts`.
    let insertWithin (counts: ResizeArray<string * int64>) (entries: NewEntry list) =
        Statement.create plainSql (columns entries),
        fun (reader: Data.Common.DbDataReader) ->
            let added = reader.GetInt64 0
            counts.Add("received", int64 entries.Length)
            counts.Add("duplicate", int64 entries.Length - added)

    /// An entry for a fact about a session: an outcome, a failed delivery, or a timer.
    let aboutSession source sourceId (session: SessionId) at receivedAt trace fact : NewEntry =
        let (CustomerId customer) = session.Customer
        let sourceId = StoredText.name sourceId
        let stored = Codec.write at sourceId fact

        {
            Source = source
            SourceId = sourceId
            Webhook = None
            Channel = Some session.Channel
            Customer = Some customer
            Session = Some(SessionId.text session)
            At = at
            ReceivedAt = receivedAt
            Kind = Some stored.Alias
            Fact = Some stored.Data
            Trace = trace
            Ended = None
        }
