namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Handing out commands, and taking in what came of them.
module internal Outbox =
    /// Of what one customer is told, only the oldest open command is handed out, and only when nothing of that
    /// customer is being said. The unique index outbox_one_speaks guards the latter against claims at the same
    /// moment. One whose lease ran out is taken whatever is open: an older session's command may have come since, and
    /// waits for it. A leased send whose lease ran out may have been sent: it is parked first, and handed out when
    /// its wait ends. The array and the outer join leave PostgreSQL one plan, from what was taken to its rows; so
    /// does the LIMIT, for the few whose contact was merged. A plan made while the outbox was empty could else go
    /// through all commands there ever were, and it stays until the next ANALYZE.
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
            RETURNING o.id, o.channel, o.customer, o.state, o.attempts, o.delay_told, o.put_off, o.speaks,
                o.heard, o.shut)
        SELECT t.id, t.state, t.attempts, t.delay_told, c.key, c.language, c.queued_at, c.payload::text,
            CASE WHEN k.merged_into IS NULL THEN k.phone ELSE s.phone END,
            CASE WHEN k.merged_into IS NULL THEN k.business_scoped_id ELSE s.business_scoped_id END,
            c.trace, t.put_off, CASE WHEN k.merged_into IS NULL THEN k.blocked_at ELSE s.blocked_at END IS NOT NULL,
            CASE WHEN t.speaks THEN greatest(t.heard, "
        + Waiting.lastHeard "k"
        + ", "
        + Waiting.lastHeard "s"
        + ") END, t.shut
        FROM taken t LEFT JOIN bot.command c ON c.id = t.id
        LEFT JOIN bot.contact k ON k.channel = t.channel AND k.customer = t.customer
        LEFT JOIN LATERAL (
            SELECT * FROM bot.contact m WHERE k.merged_into IS NOT NULL
                AND m.channel = k.channel AND m.customer = k.merged_into LIMIT 1) s ON true
        ORDER BY t.id"

    /// What is just being recorded needs no longer lease, and is not waited for: it might wait for this one.
    let private keepSql =
        "UPDATE bot.outbox o SET wake = $3
        WHERE o.id = ANY (ARRAY(
            SELECT k.id FROM bot.outbox k
            WHERE k.id = ANY ($1) AND k.attempts = $2 AND k.state = 'running' FOR UPDATE SKIP LOCKED))
        RETURNING o.id"

    let private laterSql =
        "UPDATE bot.outbox o SET state = $3, wake = ($4)[array_position($1, o.id)],
            reason = ($5)[array_position($1, o.id)],
            delay_told = o.delay_told OR ($6)[array_position($1, o.id)],
            put_off = o.put_off + ($7)[array_position($1, o.id)]
        WHERE o.id = ANY ($1) AND o.attempts = $2 AND o.state NOT IN ('ready', 'waiting') RETURNING o.id"

    [<NoComparison>]
    type private Taken =
        | Leased of ClaimedCommand
        /// Not handed out but ended: (id, state, why).
        | Over of int64 * string * string

    let private readTaken (now: DateTimeOffset) (reader: Data.Common.DbDataReader) =
        let id = reader.GetInt64 0
        let keyText = reader.GetString 4
        let queuedAt = Database.instantOf reader 6

        let lastHeard =
            if reader.IsDBNull 13 then
                None
            else
                Some(Database.instantOf reader 13)

        let shut =
            if reader.IsDBNull 14 then
                None
            else
                Some(Database.instantOf reader 14)

        match CommandKey.parse keyText, Json.read<Action>(reader.GetString 7) with
        | None, _ -> Over(id, "dead", "its key cannot be read")
        | _, Error reason -> Over(id, "dead", "its payload cannot be read: " + reason)
        | Some _, Ok action when reader.GetBoolean 12 && Service.ofAction action = Some Messaging ->
            Over(id, "dropped", StoreRules.blockedReason)
        | Some _, Ok(MarkRead _) when now - queuedAt > StoreRules.markReadUseful ->
            Over(id, "done", "left out: too late to be of use")
        | Some key, Ok action ->
            Leased {
                Place = id
                Command = { Key = key; Action = action }
                Recipient = {
                    Phone = Database.textOrNone reader 8
                    BusinessScopedId = Database.textOrNone reader 9
                }
                Language = Language.ofCode (reader.GetString 5) |> Option.defaultValue Spanish
                Attempt = reader.GetInt32 2
                PutOffs = reader.GetInt32 11
                QueuedAt = queuedAt
                DelayTold = reader.GetBoolean 3
                Trace = Database.textOrNone reader 10
                LastHeard = lastHeard
                IsShut = CustomerWindow.isShutBy shut lastHeard
            }

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
                                Statement.text (Service.name service)
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
                            for statement in CommandEnd.locked now over do
                                statement, Database.ignoreRows
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

    /// Prolongs leases until `now` plus the span, each if its try is still the last one and runs. The places of
    /// those.
    let keep
        (source: NpgsqlDataSource)
        (held: ClaimedCommand list)
        (now: DateTimeOffset)
        (lease: TimeSpan)
        : Task<int64 list> =
        if held.IsEmpty then
            Task.FromResult []
        else
            Database.transact source (fun work -> task {
                let kept = ResizeArray()

                do!
                    Database.run work [
                        for attempt, held in held |> List.groupBy _.Attempt |> List.sortBy fst do
                            Statement.create keepSql [
                                Statement.bigints (held |> Seq.map _.Place |> Seq.sort)
                                Statement.int attempt
                                Statement.notBefore (now + lease)
                            ],
                            fun reader -> kept.Add(reader.GetInt64 0)
                    ]

                return List.ofSeq kept
            })

    let private factEntry now (command: ClaimedCommand) suffix fact =
        let key = command.Command.Key
        Inbox.aboutSession "command" (CommandKey.text key + suffix) key.Session now now command.Trace fact

    let private stateOf result =
        match result with
        | Done _ -> "done"
        | GivenUp _ -> "dead"
        | RunAgain _
        | PutOff _ -> "ready"
        | Parked _ -> "unknown"
        | AwaitCustomer _ -> "waiting"

    let private reasonOf result =
        match result with
        | Done _ -> None
        | GivenUp(reason, _)
        | RunAgain(_, reason, _)
        | PutOff(_, reason)
        | Parked(_, reason)
        | AwaitCustomer reason -> Some reason

    /// What the session hears of it, with what tells it apart from other facts of the same command.
    let private factOf result =
        match result with
        | Done(Some fact)
        | GivenUp(_, Some fact) -> Some("", fact)
        | RunAgain(_, _, Some fact) -> Some("/delayed", fact)
        | Done None
        | GivenUp(_, None)
        | RunAgain(_, _, None)
        | PutOff _
        | Parked _
        | AwaitCustomer _ -> None

    /// What counts as no try.
    let private isNoTry (result: CommandResult) =
        result.IsPutOff || result.IsAwaitCustomer

    /// The statements that write results of tries with the same number and the same kind of end. Each row
    /// that they return is the number of a command whose result counted.
    let private endings
        (now: DateTimeOffset)
        (state, attempt)
        (results: (ClaimedCommand * CommandResult) list)
        =
        let places = results |> List.map (fun (command, _) -> command.Place)

        let later (until: CommandResult -> DateTimeOffset) =
            Statement.create laterSql [
                Statement.bigints places
                Statement.int attempt
                Statement.text state
                Statement.notBefores (results |> Seq.map (snd >> until))
                Statement.textOptions (results |> Seq.map (snd >> reasonOf))
                Statement.booleans (results |> Seq.map (fun (_, result) -> (factOf result).IsSome))
                Statement.ints (results |> Seq.map (fun (_, result) -> if isNoTry result then 1 else 0))
            ]

        match state with
        | "ready"
        | "unknown"
        | "waiting" ->
            later (function
                | RunAgain(at, _, _) -> at
                | PutOff(until, _)
                | Parked(until, _) -> until
                | AwaitCustomer _ -> Waiting.never
                | Done _
                | GivenUp _ -> now)
        | ended ->
            List.zip places (results |> List.map (snd >> reasonOf))
            |> CommandEnd.ofTry ended attempt now

    /// Records results in a transaction that goes on: how many counted, and the facts for the inbox. What is
    /// to be tallied goes to `counts`.
    let recordWithin
        (work: Work)
        (counts: ResizeArray<string * int64>)
        (results: (ClaimedCommand * CommandResult) list)
        (now: DateTimeOffset)
        : Task<int * NewEntry list> = task {
        let! results =
            results
            |> List.distinctBy (fun (command, _) -> command.Place)
            |> List.sortBy (fun (command, _) -> command.Place)
            |> Waiting.judge work now

        let recorded = Collections.Generic.HashSet<int64>()

        let counting state =
            match state with
            | "ready"
            | "unknown"
            | "waiting" -> ignore
            | ended -> fun () -> counts.Add("command-" + ended, 1L)

        do!
            Database.run work [
                for kind, results in
                    results
                    |> List.groupBy (fun (command, result) -> stateOf result, command.Attempt)
                    |> List.sortBy fst do
                    let count = counting (fst kind)

                    endings now kind results,
                    fun reader ->
                        recorded.Add(reader.GetInt64 0) |> ignore
                        count ()
            ]

        let counted =
            results |> List.filter (fun (command, _) -> recorded.Contains command.Place)

        do!
            Database.run work [
                for statement in Waiting.withAll counted do
                    statement, Database.ignoreRows
            ]

        let facts =
            counted
            |> List.choose (fun (command, result) ->
                factOf result
                |> Option.map (fun (suffix, fact) -> factEntry now command suffix fact))

        return recorded.Count, facts
    }

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
                let counts = ResizeArray()
                let! recorded, facts = recordWithin work counts results now

                if not facts.IsEmpty then
                    do! Database.run work [ Inbox.insertWithin counts facts ]

                if counts.Count > 0 then
                    do! Database.run work [ Tally.counted now counts, Database.ignoreRows ]

                return recorded
            })
