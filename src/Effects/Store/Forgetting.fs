namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Effects

/// Deleting what ended long ago. Only rows that nobody changes any more are locked, so no writer waits, but for a
/// message to whom nothing was sent for an hour: its full bucket may go at that moment, and it waits for the batch.
/// Dead letters stay, with all that running them again needs, until they were run again or somebody dropped them.
module internal Forgetting =
    /// Meta sends a webhook again for up to 7 days: what came is known by its source id for at least 8.
    let private leastKept = TimeSpan.FromDays 8.

    /// "forget", as a number: whoever holds it is the one node that deletes.
    let private lockSql = "SELECT pg_try_advisory_xact_lock(112030921684340)"

    /// How far rows are missing, told in the transaction that deletes some: who looks for one can tell then whether
    /// it was ever there.
    let private line (what: string) =
        $"INSERT INTO bot.forgotten AS f (what, before) SELECT '%s{what}', $1 WHERE EXISTS (SELECT 1 FROM gone)
            ON CONFLICT (what) DO UPDATE SET before = greatest(f.before, excluded.before)"

    /// The body of an entry that still waits, or is dead, is kept with it.
    let private webhookSql =
        "WITH kept AS MATERIALIZED (
            SELECT i.webhook FROM unnest(ARRAY(
                SELECT p.id FROM bot.inbox_pending p WHERE p.received_at < $1
                UNION ALL SELECT e.id FROM bot.inbox_end e WHERE e.state = 'dead'
                UNION ALL SELECT d.id FROM bot.inbox d WHERE d.ended = 'dead')) AS n(id)
            CROSS JOIN LATERAL (SELECT webhook FROM bot.inbox WHERE id = n.id LIMIT 1) i
            WHERE i.webhook IS NOT NULL),
        gone AS (
            DELETE FROM bot.webhook d WHERE d.id = ANY (ARRAY(
                SELECT w.id FROM bot.webhook w
                WHERE w.received_at < $1 AND w.id NOT IN (SELECT webhook FROM kept)
                LIMIT $2 FOR UPDATE OF w SKIP LOCKED))
            RETURNING 1)
        SELECT count(*) FROM gone"

    /// The look at the end is a scalar one: as EXISTS beside an OR it would read all old ends for each batch.
    let private inboxSql =
        "WITH old AS (
            SELECT i.id FROM bot.inbox i
            WHERE i.received_at < $1
            AND (i.ended <> 'dead'
                OR (SELECT e.state <> 'dead' AND e.at < $1 FROM bot.inbox_end e WHERE e.id = i.id))
            AND NOT EXISTS (SELECT 1 FROM bot.inbox_pending p WHERE p.id = i.id)
            LIMIT $2 FOR UPDATE OF i SKIP LOCKED),
        gone AS (DELETE FROM bot.inbox d WHERE d.id = ANY (ARRAY(SELECT id FROM old)) RETURNING 1),
        ends AS (DELETE FROM bot.inbox_end d WHERE d.id = ANY (ARRAY(SELECT id FROM old))),
        line AS ("
        + line "inbox"
        + ") SELECT count(*) FROM gone"

    let private commandSql =
        "WITH old AS (
            SELECT c.id FROM bot.command c
            WHERE c.queued_at < $1
            AND EXISTS (SELECT 1 FROM bot.command_end e WHERE e.id = c.id AND e.at < $1 AND e.state <> 'dead')
            AND NOT EXISTS (SELECT 1 FROM bot.outbox o WHERE o.id = c.id)
            LIMIT $2 FOR UPDATE OF c SKIP LOCKED),
        gone AS (DELETE FROM bot.command d WHERE d.id = ANY (ARRAY(SELECT id FROM old)) RETURNING 1),
        ends AS (DELETE FROM bot.command_end d WHERE d.id = ANY (ARRAY(SELECT id FROM old))),
        line AS ("
        + line "command"
        + ") SELECT count(*) FROM gone"

    /// A bucket whose time is past is a full one, as one that is not there.
    let private paceSql =
        "WITH gone AS (
            DELETE FROM bot.pace d USING (
                SELECT p.channel, p.customer FROM bot.pace p
                WHERE p.taken_until < clock_timestamp() - interval '1 hour'
                LIMIT $1 FOR UPDATE OF p SKIP LOCKED) old
            WHERE d.channel = old.channel AND d.customer = old.customer
            RETURNING 1)
        SELECT count(*) FROM gone"

    /// What a node told that has not been heard of for a day is of no use: names of nodes may never come back. Of a
    /// node that lives and has had no trouble since, nothing is lost, since no word means no trouble.
    let private stateSql =
        "WITH gone AS (
            DELETE FROM bot.service_state
            WHERE node <> '' AND greatest(since, next_probe) < $1 - interval '1 day'
            RETURNING 1)
        SELECT count(*) FROM gone"

    /// Counters of old days are added up, and the sums stay what they were.
    let private tallySql =
        "WITH gone AS (
            DELETE FROM bot.tally WHERE day > '0001-01-01' AND day < ($1 AT TIME ZONE 'UTC')::date
            RETURNING what, amount),
        added AS (
            INSERT INTO bot.tally AS t (day, what, shard, amount)
            SELECT '0001-01-01', what, 0, sum(amount)::bigint FROM gone GROUP BY what ORDER BY what
            ON CONFLICT (day, what, shard) DO UPDATE SET amount = t.amount + excluded.amount
            RETURNING 1)
        SELECT count(*) FROM gone"

    let private deleteOld
        (source: NpgsqlDataSource)
        (keep: TimeSpan)
        (now: DateTimeOffset)
        (most: int)
        : Task<int> =
        let old () = Statement.instant (now - keep)
        let oldInbox = Statement.instant (now - max keep leastKept)

        Database.transact source (fun work -> task {
            let isMine = ref false

            do!
                Database.run work [
                    Statement.create lockSql [], (fun reader -> isMine.Value <- reader.GetBoolean 0)
                ]

            let rows = ref 0L

            let add (reader: Data.Common.DbDataReader) =
                rows.Value <- rows.Value + reader.GetInt64 0

            if isMine.Value then
                do!
                    Database.run work [
                        Statement.create webhookSql [ old (); Statement.int most ], add
                        Statement.create inboxSql [ oldInbox; Statement.int most ], add
                        Statement.create commandSql [ old (); Statement.int most ], add
                        Statement.create paceSql [ Statement.int most ], add
                        Statement.create stateSql [ Statement.instant now ], add
                        Statement.create tallySql [ old () ], add
                    ]

            return int rows.Value
        })

    /// One batch: up to `most` rows of each kind. What waited for its customer for as long is given up.
    let forget (source: NpgsqlDataSource) (keep: TimeSpan) (now: DateTimeOffset) (most: int) : Task<int> =
        task {
            let! givenUp = Waiting.giveUp source keep now most
            let! deleted = deleteOld source keep now most
            return givenUp + deleted
        }
