namespace FunctionalBot.Effects.Store

open System
open System.Collections.Generic
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Speech that waits for its customer to write. Where one thing that is said to a customer waits, everything does, and
/// all of it becomes due at once, so that the order stays.
///
/// Whoever lets something wait holds the customer's row in bot.contact, and so does whoever decides what the customer
/// wrote and wakes it. So the message that opens the window is either decided already, and seen here, or it is decided
/// after this, and sees what waits: none is missed between the two.
module internal Waiting =
    /// As near to never as a time can be.
    let never = DateTimeOffset(9999, 1, 1, 0, 0, 0, TimeSpan.Zero)

    let private lockSql =
        "SELECT k.current_ordinal FROM unnest($1, $2) AS n(channel, customer)
        CROSS JOIN LATERAL (
            SELECT * FROM bot.contact c WHERE c.channel = n.channel AND c.customer = n.customer
            LIMIT 1 FOR NO KEY UPDATE OF c) k"

    /// When the customer was last heard, of a customer given by `channel`, `customer` and `current_ordinal` of a row.
    /// The row's name is any but `newest`, which would hide it.
    let lastHeard (row: string) =
        $"(SELECT newest.last_activity FROM bot.session newest
            WHERE newest.stream = 'session/' || %s{row}.channel || '/' || %s{row}.customer
                || '/' || %s{row}.current_ordinal)"

    let private heardSql =
        "SELECT n.place, greatest("
        + lastHeard "k"
        + ", "
        + lastHeard "s"
        + ", (SELECT max(o.heard) FROM bot.outbox o
                WHERE o.speaks AND o.channel = n.channel AND o.customer = n.customer)), k.merged_into IS NOT NULL
        FROM unnest($1, $2) WITH ORDINALITY AS n(channel, customer, place)
        CROSS JOIN LATERAL (
            SELECT * FROM bot.contact c WHERE c.channel = n.channel AND c.customer = n.customer LIMIT 1) k
        LEFT JOIN LATERAL (
            SELECT * FROM bot.contact m WHERE m.channel = k.channel AND m.customer = k.merged_into LIMIT 1) s
            ON true"

    /// What is due for the same customers, or waits for its next try.
    let private behindSql =
        "UPDATE bot.outbox o SET state = 'waiting', wake = $3
        WHERE o.id = ANY (ARRAY(
            SELECT b.id FROM unnest($1, $2) AS n(channel, customer)
            CROSS JOIN LATERAL (
                SELECT w.id FROM bot.outbox w WHERE w.speaks AND w.channel = n.channel
                    AND w.customer = n.customer AND w.state = 'ready' FOR UPDATE) b))
        RETURNING 1"

    let private hearSql =
        "UPDATE bot.outbox o SET heard = $3,
            state = CASE WHEN o.state = 'waiting' THEN 'ready' ELSE o.state END,
            wake = CASE WHEN o.state = 'waiting' THEN $3 ELSE o.wake END
        WHERE o.id = ANY (ARRAY(
            SELECT b.id FROM unnest($1, $2) AS n(channel, customer)
            CROSS JOIN LATERAL (
                SELECT w.id FROM bot.outbox w WHERE w.speaks AND w.channel = n.channel
                    AND w.customer = n.customer FOR UPDATE) b))
        RETURNING 1"

    let private takeTemplateSql =
        "UPDATE bot.contact SET template_at = $3 WHERE channel = $1 AND customer = $2
            AND (template_at IS NULL OR template_at < ($4)[1])
            AND NOT opted_out AND blocked_at IS NULL AND merged_into IS NULL RETURNING 1"

    let private giveBackTemplateSql =
        "UPDATE bot.contact SET template_at = NULL WHERE channel = $1 AND customer = $2 RETURNING 1"

    /// Of what was queued long ago those for which this holds.
    let private oldWhere condition =
        "SELECT o.id, c.key, c.trace FROM bot.outbox o
        CROSS JOIN LATERAL (SELECT * FROM bot.command k WHERE k.id = o.id AND k.queued_at < $1 LIMIT 1) c
        WHERE "
        + condition
        + " LIMIT $2 FOR UPDATE OF o SKIP LOCKED"

    let private oldSql = oldWhere "o.state = 'waiting'"

    /// Its next try is within the hour, so that the index on `wake` leads to few rows.
    let private oldMergedSql =
        oldWhere
            "o.service = 'messaging' AND o.wake > $3 AND o.wake <= $4
            AND o.speaks AND o.state = 'ready' AND o.put_off > 0
            AND EXISTS (SELECT 1 FROM bot.contact m
                WHERE m.channel = o.channel AND m.customer = o.customer AND m.merged_into IS NOT NULL)"

    let private names (customers: CustomerKey list) = [
        Statement.texts (customers |> Seq.map _.Channel)
        Statement.texts (customers |> Seq.map (fun { Customer = CustomerId text } -> text))
    ]

    /// Locks the customers, who are given in their order.
    let lock (customers: CustomerKey list) : NpgsqlBatchCommand =
        Statement.create lockSql (names customers)

    let private customerOf (claimed: ClaimedCommand) : CustomerKey = {
        Channel = claimed.Command.Key.Session.Channel
        Customer = claimed.Command.Key.Session.Customer
    }

    /// When each of these customers, whom the caller holds, was last heard, and who of them is known by another contact
    /// now. A statement of its own, so that it sees what the last holder committed.
    let lookUp
        (customers: CustomerKey list)
        (heard: Dictionary<CustomerKey, DateTimeOffset>)
        (merged: HashSet<CustomerKey>)
        : NpgsqlBatchCommand * (Data.Common.DbDataReader -> unit) =
        let read (reader: Data.Common.DbDataReader) =
            let customer = customers[int (reader.GetInt64 0) - 1]

            if not (reader.IsDBNull 1) then
                heard[customer] <- Database.instantOf reader 1

            if reader.GetBoolean 2 then
                merged.Add customer |> ignore

        Statement.create heardSql (names customers), read

    let private waiters (results: (ClaimedCommand * CommandResult) list) =
        results
        |> List.filter (fun (_, result) -> result.IsAwaitCustomer)
        |> List.map (fst >> customerOf)
        |> List.distinct
        |> List.sort

    /// Locks the customers for whom something is to wait, ahead of everything else that the transaction locks. What
    /// waits for one who was heard since it was handed out is due at once instead.
    let judge
        (work: Work)
        (now: DateTimeOffset)
        (results: (ClaimedCommand * CommandResult) list)
        : Task<(ClaimedCommand * CommandResult) list> = task {
        match waiters results with
        | [] -> return results
        | customers ->
            let heard = Dictionary<CustomerKey, DateTimeOffset>()
            let merged = HashSet<CustomerKey>()

            do! Database.run work [ lock customers, Database.ignoreRows; lookUp customers heard merged ]

            let wasHeard (claimed: ClaimedCommand) =
                match heard.TryGetValue(customerOf claimed), claimed.LastHeard with
                | (true, at), Some known -> at > known
                | (true, _), None -> true
                | (false, _), _ -> false

            return
                results
                |> List.map (fun (claimed, result) ->
                    match result with
                    | AwaitCustomer _ when wasHeard claimed ->
                        claimed, PutOff(now, "the customer wrote meanwhile")
                    | AwaitCustomer reason when merged.Contains(customerOf claimed) ->
                        claimed, PutOff(now + StoreRules.mergedIsTriedEvery, reason)
                    | _ -> claimed, result)
    }

    /// Lets everything wait that is said to the customers of these results, which are recorded.
    let withAll (recorded: (ClaimedCommand * CommandResult) list) : NpgsqlBatchCommand list =
        match waiters recorded with
        | [] -> []
        | customers -> [ Statement.create behindSql (names customers @ [ Statement.notBefore never ]) ]

    /// Lets go what waited for customers who wrote, and notes the time with all that is said to them; the caller holds
    /// them.
    let hear (work: Work) (now: DateTimeOffset) (customers: CustomerKey list) : Task =
        Database.run work [
            if not customers.IsEmpty then
                Statement.create hearSql (names customers @ [ Statement.notBefore now ]), Database.ignoreRows
        ]

    /// As the port says.
    let takeTemplate
        (source: NpgsqlDataSource)
        (customer: CustomerKey)
        (lastHeard: DateTimeOffset option)
        (now: DateTimeOffset)
        : Task<bool> =
        let (CustomerId name) = customer.Customer

        Database.transact source (fun work -> task {
            let taken = ref false

            do!
                Database.run work [
                    Statement.create takeTemplateSql [
                        Statement.text customer.Channel
                        Statement.text name
                        Statement.instant now
                        Statement.instants (Option.toList lastHeard)
                    ],
                    (fun _ -> taken.Value <- true)
                ]

            return taken.Value
        })

    /// As the port says.
    let giveBackTemplate (source: NpgsqlDataSource) (customer: CustomerKey) : Task = task {
        let (CustomerId name) = customer.Customer

        do!
            Database.transact source (fun work -> task {
                do!
                    Database.run work [
                        Statement.create giveBackTemplateSql [
                            Statement.text customer.Channel
                            Statement.text name
                        ],
                        Database.ignoreRows
                    ]
            })
    }

    /// Ends what was queued longer ago than the span and waits still, or is tried each hour since its contact was
    /// merged; its session hears that it was not delivered. Up to `most` of each; how many.
    let giveUp (source: NpgsqlDataSource) (keep: TimeSpan) (now: DateTimeOffset) (most: int) : Task<int> =
        Database.transact source (fun work -> task {
            let old = ResizeArray<struct (int64 * string * string option)>()

            let add (reader: Data.Common.DbDataReader) =
                old.Add(struct (reader.GetInt64 0, reader.GetString 1, Database.textOrNone reader 2))

            let bounds () = [ Statement.instant (now - keep); Statement.int most ]

            do!
                Database.run work [
                    Statement.create oldSql (bounds ()), add
                    Statement.create
                        oldMergedSql
                        (bounds ()
                         @ [
                             Statement.instant now
                             Statement.notBefore (now + StoreRules.mergedIsTriedEvery)
                         ]),
                    add
                ]

            let reason = StoreRules.customerStayedSilent

            let told =
                List.ofSeq old
                |> List.choose (fun struct (_, text, trace) ->
                    CommandKey.parse text
                    |> Option.map (fun key ->
                        StoreRules.neverHeard key
                        |> Inbox.aboutSession "command" text key.Session now now trace))

            do!
                Database.run work [
                    for statement in
                        CommandEnd.locked now [ for struct (id, _, _) in old -> id, "dead", Some reason ] do
                        statement, Database.ignoreRows
                    if not told.IsEmpty then
                        Inbox.insert now told, Database.ignoreRows
                ]

            return old.Count
        })
