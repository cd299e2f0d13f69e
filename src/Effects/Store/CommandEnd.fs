namespace FunctionalBot.Effects.Store

open System
open Npgsql

/// Ending commands: the open row goes, a small row says how it ended.
///
/// The open tables are empty at one moment and full at the next, and PostgreSQL's plans go by what they held
/// when they were last analysed. So nothing here joins them to a list of ids, which PostgreSQL might turn
/// round into a walk through the whole table for each id: rows are found by `= ANY`, and what belongs to a
/// row is taken from its place in the list.
module internal CommandEnd =
    let private sql condition tallied =
        "WITH gone AS (
            DELETE FROM bot.outbox o WHERE o.id = ANY ($1) AND "
        + condition
        + " RETURNING o.id, o.attempts),
        ended AS (
            INSERT INTO bot.command_end (id, state, attempts, reason, at)
            SELECT id, $2, attempts, ($3)[array_position($1, id)], $4 FROM gone)"
        + tallied
        + " SELECT id FROM gone"

    let private tallied =
        Tally.add "$4" "SELECT 'command-' || $2, count(*) FROM gone"
        |> sprintf ", tallied AS (%s)"

    let private lockedSql = sql "true" tallied
    let private sentSql = sql "o.speaks AND o.attempts > 0" tallied

    let private fencedSql =
        sql "o.attempts = $5 AND o.state NOT IN ('ready', 'waiting')" ""

    let private parameters state (now: DateTimeOffset) (ends: (int64 * string option) list) = [
        Statement.bigints (Seq.map fst ends)
        Statement.text state
        Statement.textOptions (Seq.map snd ends)
        Statement.instant now
    ]

    let private byState statement (ends: (int64 * string * string option) list) : NpgsqlBatchCommand list =
        ends
        |> List.groupBy (fun (_, state, _) -> state)
        |> List.sortBy fst
        |> List.map (fun (state, ends) ->
            ends
            |> List.map (fun (id, _, reason) -> id, reason)
            |> List.sortBy fst
            |> statement state)

    /// Ends commands that the caller has locked: (id, "done" or "dead", why). Each row returned is the id of
    /// one that was ended.
    let locked now (ends: (int64 * string * string option) list) : NpgsqlBatchCommand list =
        ends
        |> byState (fun state ends -> Statement.create lockedSql (parameters state now ends))

    /// Ends sends, in whatever state they are, as long as they were tried once: (id, state, why).
    let sent now (ends: (int64 * string * string option) list) : NpgsqlBatchCommand list =
        ends
        |> byState (fun state ends -> Statement.create sentSql (parameters state now ends))

    /// Ends commands whose last try has this number: (id, why). Whoever calls counts the rows that come back.
    let ofTry state attempt now (ends: (int64 * string option) list) : NpgsqlBatchCommand =
        Statement.create fencedSql (parameters state now ends @ [ Statement.int attempt ])
