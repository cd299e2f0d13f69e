namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Handing out commands, and taking in what came of them.
module internal Outbox =
    /// Of what one customer is told, only the oldest open command is handed out, and only when nothing of
    /// that customer is being said. The unique index outbox_one_speaks guards the latter against claims at
    /// the same moment. One whose lease ran out is taken whatever is open: an older session's command may
    /// have come since, and waits for it. A leased send whose lease ran out may have been sent: it is
    /// parked first, and handed out when its wait ends. The array and the outer join leave PostgreSQL one
    /// plan, from what was taken to its rows. A plan made while the outbox was empty could else go through
    /// all commands there ever were, and it stays until the next ANALYZE.
    let private claimSql =
        "WITH due AS (
            SELECT o.id FROM bot.outbox o
            WHERE o.service = $5 AND o.wake <= $2 AND (NOT o.speaks OR (
                (o.state = 'running' OR NOT EXISTS (SELECT 1 FROM bot.outbox e
                    WHERE e.speaks AND e.channel = o.channel AND e.customer = o.customer
                    AND (e.session_ordinal, e.version, e.ordinal) < (o.session_ordinal, o.version, o.ordinal)))
                AND NOT EXISTS (SELECT 1 FROM bot.outbox r
                    WHERE r.speaks AND r.state = 'running'
                    AND r.channel = o.channel AND r.customer = o.customer AND r.id <> o.id)))
            ORDER BY o.wake, o.id LIMIT $1 FOR UPDATE OF o SKIP LOCKED),
        taken AS (
            UPDATE bot.outbox o SET
                state = CASE WHEN o.speaks AND o.state = 'running' THEN 'unknown' ELSE 'running' END,
                attempts = CASE WHEN o.speaks AND o.state = 'running' THEN o.attempts ELSE o.attempts + 1 END,
                wake = CASE WHEN o.speaks AND o.state = 'running' THEN $4 ELSE $3 END,
                reason = CASE WHEN o.speaks AND o.state = 'running' THEN 'its lease ran out' ELSE o.reason END
            WHERE o.id = ANY (ARRAY(SELECT id FROM due))
            RETURNING o.id, o.channel, o.customer, o.state, o.attempts, o.delay_told)
        SELECT t.id, t.state, t.attempts, t.delay_told, c.key, c.language, c.queued_at, c.payload::text,
            k.phone, k.business_scoped_id, c.trace
        FROM taken t LEFT JOIN bot.command c ON c.id = t.id
        LEFT JOIN bot.contact k ON k.channel = t.channel AND k.customer = t.customer
        ORDER BY t.id"

    let private keepSql =
        "UPDATE bot.outbox o SET wake = $3
        FROM unnest($1, $2) AS n(key, attempt) JOIN bot.command c ON c.key = n.key
        WHERE o.id = c.id AND o.attempts = n.attempt AND o.state = 'running' RETURNING 1"

    let private fenceSql =
        "SELECT c.key, o.id FROM unnest($1, $2) AS n(key, attempt)
        JOIN bot.command c ON c.key = n.key
        JOIN bot.outbox o ON o.id = c.id AND o.attempts = n.attempt AND o.state <> 'ready'
        ORDER BY o.id FOR UPDATE OF o"

    let private laterSql =
        "UPDATE bot.outbox o SET state = n.state, wake = n.wake, reason = n.reason,
            delay_told = o.delay_told OR n.told
        FROM unnest($1, $2, $3, $4, $5) AS n(id, state, wake, reason, told) WHERE o.id = n.id RETURNING 1"

    /// Reading marks older than this are of no use: the answer is there, or the customer has long looked
    /// away.
    let private markReadUseful = TimeSpan.FromMinutes 2.

    [<NoComparison>]
    type private Taken =
        | Leased of ClaimedCommand
        /// Not handed out but ended: (id, state, why).
        | Over of int64 * string * string

    let private readTaken (now: DateTimeOffset) (reader: Data.Common.DbDataReader) =
        let id = reader.GetInt64 0
        let keyText = reader.GetString 4
        let queuedAt = Database.instantOf reader 6

        match CommandKey.parse keyText, Json.read<Action>(reader.GetString 7) with
        | None, _ -> Over(id, "dead", "its key cannot be read")
        | _, Error reason -> Over(id, "dead", "its payload cannot be read: " + reason)
        | Some _, Ok(MarkRead _) when now - queuedAt > markReadUseful ->
            Over(id, "done", "left out: too late to be of use")
        | Some key, Ok action ->
            Leased {
                Command = { Key = key; Action = action }
                Recipient = {
                    Phone = Database.textOrNone reader 8
                    BusinessScopedId = Database.textOrNone reader 9
                }
                Language = Language.ofCode (reader.GetString 5) |> Option.defaultValue Spanish
                Attempt = reader.GetInt32 2
                QueuedAt = queuedAt
                DelayTold = reader.GetBoolean 3
                Trace = Database.textOrNone reader 10
            }

    let private serviceName service =
        match service with
        | Messaging -> "messaging"
        | Assisting -> "assisting"
        | Ticketing -> "ticketing"

    /// Leases up to `most` commands of the service until `now` plus the span.
    let claim
        (source: NpgsqlDataSource)
        (settings: Settings)
        (service: Service)
        (most: int)
        (now: DateTimeOffset)
        (lease: TimeSpan)
        : Task<ClaimedCommand list> =
        // Where everything that was taken is over at once, more may be due behind it.
        let rec go () = task {
            let! leased, over =
                Database.transact source (fun work -> task {
                    let taken = ResizeArray()

                    do!
                        Database.run work [
                            Statement.create claimSql [
                                Statement.int most
                                Statement.instant now
                                Statement.notBefore (now + lease)
                                Statement.notBefore (now + settings.ParkFor)
                                Statement.text (serviceName service)
                            ],
                            fun reader ->
                                if reader.GetString 1 = "running" then
                                    taken.Add(readTaken now reader)
                        ]

                    let over =
                        taken
                        |> Seq.choose (function
                            | Over(id, state, reason) -> Some(id, state, Some reason)
                            | Leased _ -> None)
                        |> Seq.toList

                    do!
                        Database.run work [
                            if not over.IsEmpty then
                                CommandEnd.byId now over, Database.ignoreRows
                        ]

                    let leased =
                        taken
                        |> Seq.choose (function
                            | Leased command -> Some command
                            | Over _ -> None)
                        |> Seq.toList

                    return leased, over
                })

            if leased.IsEmpty && not over.IsEmpty then
                return! go ()
            else
                return leased
        }

        go ()

    /// Prolongs leases until `now` plus the span.
    let keep
        (source: NpgsqlDataSource)
        (held: (CommandKey * int) list)
        (now: DateTimeOffset)
        (lease: TimeSpan)
        : Task = task {
        if not held.IsEmpty then
            do!
                Database.transact source (fun work -> task {
                    do!
                        Database.run work [
                            Statement.create keepSql [
                                Statement.texts (held |> Seq.map (fst >> CommandKey.text))
                                Statement.ints (Seq.map snd held)
                                Statement.notBefore (now + lease)
                            ],
                            Database.ignoreRows
                        ]
                })
    }

    let private factEntry now (command: ClaimedCommand) suffix fact =
        let key = command.Command.Key
        Inbox.aboutSession "command" (CommandKey.text key + suffix) key.Session now now command.Trace fact

    /// Records results, each if its try is still the last one; a late result of a try that nobody has
    /// repeated counts, since it says what the outbox would have to guess. Facts go to the inbox in the same
    /// transaction.
    let record
        (source: NpgsqlDataSource)
        (results: (ClaimedCommand * CommandResult) list)
        (now: DateTimeOffset)
        : Task<int> =
        if results.IsEmpty then
            Task.FromResult 0
        else
            Database.transact source (fun work -> task {
                let ids = Collections.Generic.Dictionary<string, int64>()

                do!
                    Database.run work [
                        Statement.create fenceSql [
                            Statement.texts (
                                results |> Seq.map (fun (command, _) -> CommandKey.text command.Command.Key)
                            )
                            Statement.ints (results |> Seq.map (fun (command, _) -> command.Attempt))
                        ],
                        fun reader -> ids[reader.GetString 0] <- reader.GetInt64 1
                    ]

                let valid =
                    results
                    |> List.distinctBy (fun (command, _) -> command.Command.Key)
                    |> List.choose (fun (command, result) ->
                        match ids.TryGetValue(CommandKey.text command.Command.Key) with
                        | true, id -> Some(id, command, result)
                        | false, _ -> None)

                let facts =
                    valid
                    |> List.choose (fun (_, command, result) ->
                        match result with
                        | Done(Some fact)
                        | GivenUp(_, Some fact) -> Some(factEntry now command "" fact)
                        | RunAgain(_, _, Some fact) -> Some(factEntry now command "/delayed" fact)
                        | Done None
                        | GivenUp(_, None)
                        | RunAgain(_, _, None)
                        | Parked _ -> None)

                let ends =
                    valid
                    |> List.choose (fun (id, _, result) ->
                        match result with
                        | Done _ -> Some(id, "done", None)
                        | GivenUp(reason, _) -> Some(id, "dead", Some reason)
                        | RunAgain _
                        | Parked _ -> None)

                let later =
                    valid
                    |> List.choose (fun (id, _, result) ->
                        match result with
                        | RunAgain(at, reason, fact) -> Some(id, "ready", at, reason, fact.IsSome)
                        | Parked(until, reason) -> Some(id, "unknown", until, reason, false)
                        | Done _
                        | GivenUp _ -> None)

                do!
                    Database.run work [
                        if not facts.IsEmpty then
                            Inbox.insert now facts, Database.ignoreRows
                        if not later.IsEmpty then
                            Statement.create laterSql [
                                Statement.bigints (later |> Seq.map (fun (id, _, _, _, _) -> id))
                                Statement.texts (later |> Seq.map (fun (_, state, _, _, _) -> state))
                                Statement.notBefores (later |> Seq.map (fun (_, _, wake, _, _) -> wake))
                                Statement.texts (later |> Seq.map (fun (_, _, _, reason, _) -> reason))
                                Statement.booleans (later |> Seq.map (fun (_, _, _, _, told) -> told))
                            ],
                            Database.ignoreRows
                        if not ends.IsEmpty then
                            CommandEnd.byId now ends, Database.ignoreRows
                    ]

                return valid.Length
            })
