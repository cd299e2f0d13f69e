namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Effects

/// Counting what came in and how it ended.
module internal Accounts =
    /// One statement, so one snapshot. What was received and ended is counted by the transactions that did
    /// it; what is pending and open is counted in its tables. So the numbers check each other: received -
    /// ended = pending.
    let private sql =
        "SELECT 'tally', what, sum(amount)::bigint, NULL::timestamptz FROM bot.tally GROUP BY what
        UNION ALL
        SELECT 'pending', '', count(*), min(received_at) FROM bot.inbox_pending
        UNION ALL
        SELECT 'command', state, count(*), NULL FROM bot.outbox GROUP BY state
        UNION ALL
        SELECT 'oldest', o.service, 0, (SELECT c.queued_at FROM bot.command c WHERE c.id = o.id)
        FROM (SELECT service, min(id) AS id FROM bot.outbox WHERE state <> 'waiting' GROUP BY service) o
        UNION ALL
        SELECT 'timer', '', CASE WHEN few.n <= 10000 THEN few.n ELSE greatest(few.n, c.reltuples::bigint) END,
            NULL
        FROM (SELECT count(*) AS n FROM (SELECT 1 FROM bot.timer LIMIT 10001) counted) few, pg_class c
        WHERE c.oid = 'bot.timer'::regclass"

    let private empty = {
        Received = 0L
        Ended = Map.empty
        Pending = 0L
        OldestPending = None
        Commands = Map.empty
        OldestOpen = Map.empty
        Timers = 0L
    }

    /// What is known now.
    let read (source: NpgsqlDataSource) : Task<Accounting> =
        Database.transact source (fun work -> task {
            let mutable account = empty

            do!
                Database.run work [
                    Statement.create sql [],
                    fun reader ->
                        let count = reader.GetInt64 2

                        match reader.GetString 0, reader.GetString 1 with
                        | "tally", "received" -> account <- { account with Received = count }
                        | "tally", what when what.StartsWith("command-", StringComparison.Ordinal) ->
                            account <- {
                                account with
                                    Commands = account.Commands.Add(what.Substring "command-".Length, count)
                            }
                        | "tally", what ->
                            account <- {
                                account with
                                    Ended = account.Ended.Add(what, count)
                            }
                        | "pending", _ ->
                            account <- {
                                account with
                                    Pending = count
                                    OldestPending =
                                        if reader.IsDBNull 3 then
                                            None
                                        else
                                            Some(Database.instantOf reader 3)
                            }
                        | "command", state ->
                            account <- {
                                account with
                                    Commands = account.Commands.Add(state, count)
                            }
                        | "oldest", service ->
                            match Service.named service with
                            | Some service when not (reader.IsDBNull 3) ->
                                let queued = Database.instantOf reader 3

                                account <- {
                                    account with
                                        OldestOpen = account.OldestOpen.Add(service, queued)
                                }
                            | _ -> ()
                        | _ -> account <- { account with Timers = count }
                ]

            return account
        })
