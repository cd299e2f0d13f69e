namespace FunctionalBot.Effects.Store

open System
open Npgsql

/// Ending commands: the open row goes, a small row says how it ended.
module internal CommandEnd =
    let private sql from condition =
        "WITH gone AS (
            DELETE FROM bot.outbox o USING "
        + from
        + " WHERE "
        + condition
        + " RETURNING o.id, n.state, n.reason, o.attempts),
        ended AS (
            INSERT INTO bot.command_end (id, state, attempts, reason, at)
            SELECT id, state, attempts, reason, $4 FROM gone),
        tallied AS ("
        + Tally.add "$4" "SELECT 'command-' || state, count(*) FROM gone GROUP BY state"
        + ") SELECT count(*) FROM gone"

    let private byIdSql = sql "unnest($1, $2, $3) AS n(id, state, reason)" "o.id = n.id"

    let private byKeySql =
        sql
            "unnest($1, $2, $3) AS n(key, state, reason) JOIN bot.command c ON c.key = n.key"
            "o.id = c.id AND o.speaks AND o.attempts > 0"

    let private statement sql names states reasons (now: DateTimeOffset) : NpgsqlBatchCommand =
        Statement.create sql [
            names
            Statement.texts states
            Statement.textOptions reasons
            Statement.instant now
        ]

    /// Ends commands by their ids, which the caller has locked: (id, "done" or "dead", why).
    let byId now (ends: (int64 * string * string option) list) =
        statement
            byIdSql
            (Statement.bigints (ends |> Seq.map (fun (id, _, _) -> id)))
            (ends |> Seq.map (fun (_, state, _) -> state))
            (ends |> Seq.map (fun (_, _, reason) -> reason))
            now

    /// Ends sends by their keys, in whatever state they are, as long as they were tried once: (key, state,
    /// why).
    let byKey now (ends: (string * string * string) list) =
        statement
            byKeySql
            (Statement.texts (ends |> Seq.map (fun (key, _, _) -> key)))
            (ends |> Seq.map (fun (_, state, _) -> state))
            (ends |> Seq.map (fun (_, _, reason) -> Some reason))
            now
