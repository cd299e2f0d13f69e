namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Turning due timers into inbox entries.
module internal Timers =
    let private takeSql =
        "DELETE FROM bot.timer t WHERE t.ctid = ANY (ARRAY(
            SELECT ctid FROM bot.timer WHERE due <= $2 ORDER BY due LIMIT $1 FOR UPDATE SKIP LOCKED))
        RETURNING t.stream, t.name, t.due_ticks, t.key"

    /// Fires up to `most` timers that are due: the timer goes and its entry comes in one transaction, and the
    /// entry is unique by the key of the command that set the timer, so that each setting fires once.
    let fire (source: NpgsqlDataSource) (most: int) (now: DateTimeOffset) : Task<CustomerKey list> =
        Database.transact source (fun work -> task {
            let entries = ResizeArray()
            let owners = ResizeArray<CustomerKey>()

            do!
                Database.run work [
                    Statement.create takeSql [ Statement.int most; Statement.instant now ],
                    fun reader ->
                        let stream = reader.GetString 0
                        let name = reader.GetString 1
                        let due = DateTimeOffset(reader.GetInt64 2, TimeSpan.Zero)
                        let sourceId = String.Concat(reader.GetString 3, "/", name)

                        match SessionId.parse stream with
                        | Some session ->
                            owners.Add {
                                Channel = session.Channel
                                Customer = session.Customer
                            }

                            let fact = TimerElapsed(StoredName.toTimer name, due)
                            entries.Add(Inbox.aboutSession "timer" sourceId session now now None fact)
                        | None -> invalidOp ("bot.timer names no session: " + stream)
                ]

            if entries.Count > 0 then
                do! Database.run work [ Inbox.insert now (List.ofSeq entries), Database.ignoreRows ]

            return List.ofSeq owners
        })
