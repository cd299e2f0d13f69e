namespace FunctionalBot.Effects.Store

open System
open System.Collections.Generic
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// A customer whose row this transaction has locked, with what waits for the customer.
[<NoComparison>]
type internal Held = {
    Channel: string
    Customer: Customer
    BusinessScopedId: string option
    /// The contact that stands for this one now: ids, consent and block are that one's. Only what belongs to its own
    /// sessions is decided here.
    MergedInto: CustomerId option
    OptedOut: bool
    Blocked: bool
    Language: Language option
    CurrentOrdinal: int
    /// Whether a command that speaks to the customer is open.
    Speaking: bool
    /// Whether something that is said to the customer waits for the customer to write.
    Awaited: bool
    /// In order: by time, then by arrival.
    Entries: InboxEntry list
    /// How often the decision failed while the entry was the first.
    Tries: Map<int64, int>
    /// Entries whose fact this version cannot read, and why.
    Unreadable: (int64 * string) list
}

/// The customers that a round works for.
[<NoComparison>]
type internal Taken = {
    Held: Held list
    /// Known ones whom somebody else holds.
    Busy: CustomerKey list
    /// To whom entries were handed that had come in under a contact that was merged.
    Forwarded: CustomerKey list
}

/// What follows from a customer that is held.
module internal Held =
    let key (held: Held) : CustomerKey = {
        Channel = held.Channel
        Customer = held.Customer.Id
    }

    /// Whether the customer did something. What cannot be read is taken for that: a try too many does no harm.
    let wasHeard (held: Held) =
        not held.Unreadable.IsEmpty
        || held.Entries |> List.exists (fun entry -> entry.Source = "whatsapp")

    /// The newest session, where there is one.
    let current (held: Held) : SessionId option =
        if held.CurrentOrdinal = 0 then
            None
        else
            Some {
                Channel = held.Channel
                Customer = held.Customer.Id
                Ordinal = held.CurrentOrdinal
            }

/// Choosing the customers to work for.
module internal Candidates =
    /// Here and below a list is joined through LATERAL with a LIMIT: so PostgreSQL goes from the list to the
    /// rows, and not through the whole table for each item, whatever it believes about the table's size.
    let private columns =
        "c.channel, c.customer, c.phone, c.name, c.language, c.current_ordinal, c.business_scoped_id,
            c.merged_into, c.opted_out, c.blocked_at IS NOT NULL"

    /// Contacts that stand for those that were merged. A statement of its own, so that it sees what the merge wrote.
    let private standingSql =
        "SELECT n.place, c.phone, c.name, c.business_scoped_id, c.opted_out, c.blocked_at IS NOT NULL
        FROM unnest($1, $2) WITH ORDINALITY AS n(channel, customer, place)
        CROSS JOIN LATERAL (
            SELECT * FROM bot.contact k WHERE k.channel = n.channel AND k.customer = n.customer LIMIT 1) c"

    let private lockSql =
        "WITH waiting AS (
            SELECT channel, customer, min(id) AS first
            FROM (SELECT id, channel, customer FROM bot.inbox_pending ORDER BY id LIMIT $1) w
            GROUP BY channel, customer)
        SELECT "
        + columns
        + " FROM (SELECT * FROM waiting ORDER BY first) w
        CROSS JOIN LATERAL (
            SELECT * FROM bot.contact k WHERE k.channel = w.channel AND k.customer = w.customer
            LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) c
        LIMIT $2"

    let private lockKnownSql =
        "SELECT "
        + columns
        + " FROM unnest($1, $2) AS n(channel, customer)
        CROSS JOIN LATERAL (
            SELECT * FROM bot.contact k WHERE k.channel = n.channel AND k.customer = n.customer
                AND (SELECT true FROM bot.inbox_pending p
                    WHERE p.channel = n.channel AND p.customer = n.customer LIMIT 1)
            LIMIT 1 FOR NO KEY UPDATE OF k SKIP LOCKED) c"

    let private speakingSql =
        "SELECT n.place, (SELECT true FROM bot.outbox w
            WHERE w.state = 'waiting' AND w.channel = n.channel AND w.customer = n.customer LIMIT 1)
        FROM unnest($1, $2) WITH ORDINALITY AS n(channel, customer, place)
        WHERE (SELECT true FROM bot.outbox o
            WHERE o.speaks AND o.channel = n.channel AND o.customer = n.customer LIMIT 1)"

    let private stillWaitingSql =
        "SELECT n.place FROM unnest($1, $2) WITH ORDINALITY AS n(channel, customer, place)
        WHERE (SELECT true FROM bot.inbox_pending p
            WHERE p.channel = n.channel AND p.customer = n.customer LIMIT 1)"

    let private waitingSql =
        "SELECT count(*) FROM (SELECT 1 FROM bot.inbox_pending ORDER BY id LIMIT $1) w"

    let private entriesSql =
        "SELECT n.place, p.id, p.tries, i.source, i.source_id, i.session, i.kind, i.fact::text,
            i.trace
        FROM unnest($1, $2) WITH ORDINALITY AS n(channel, customer, place)
        CROSS JOIN LATERAL (
            SELECT * FROM bot.inbox_pending q WHERE q.channel = n.channel AND q.customer = n.customer
            ORDER BY q.at, q.id LIMIT $3) p
        JOIN bot.inbox i ON i.id = p.id
        ORDER BY n.place, p.at, p.id"

    let private readHeld (reader: Data.Common.DbDataReader) : Held = {
        Channel = reader.GetString 0
        Customer = {
            Id = CustomerId(reader.GetString 1)
            Phone = Database.textOrNone reader 2
            Name = Database.textOrNone reader 3
        }
        BusinessScopedId = Database.textOrNone reader 6
        MergedInto = Database.textOrNone reader 7 |> Option.map CustomerId
        OptedOut = reader.GetBoolean 8
        Blocked = reader.GetBoolean 9
        Language = Database.textOrNone reader 4 |> Option.bind Language.ofCode
        CurrentOrdinal = reader.GetInt32 5
        Speaking = false
        Awaited = false
        Entries = []
        Tries = Map.empty
        Unreadable = []
    }

    let private textOf (CustomerId text) = text

    /// The oldest waiting entries are looked through. Where they belong to few customers, or to customers
    /// that other workers hold, the look goes further, so that one who floods does not keep the others
    /// waiting.
    let rec private lock (work: Work) (most: int) (window: int) : Task<Held list> = task {
        let held = ResizeArray()
        let waiting = ref 0L

        do!
            Database.run work [
                Statement.create lockSql [ Statement.int window; Statement.int most ], (readHeld >> held.Add)
                Statement.create waitingSql [ Statement.int window ],
                (fun reader -> waiting.Value <- reader.GetInt64 0)
            ]

        if held.Count < most && waiting.Value >= int64 window && window < 1_000_000 then
            return! lock work most (window * 8)
        else
            return List.ofSeq held
    }

    /// Locks those of the customers for whom something waits and whom nobody else holds.
    let private lockKnown (work: Work) facts (known: CustomerKey list) : Task<Held list> = task {
        let held = ResizeArray()

        do!
            Database.run work [
                yield! facts

                Statement.create lockKnownSql [
                    Statement.texts (known |> Seq.map _.Channel)
                    Statement.texts (known |> Seq.map (fun customer -> textOf customer.Customer))
                ],
                (readHeld >> held.Add)
            ]

        return List.ofSeq held
    }

    /// Reads for which of the customers, whom this transaction does not hold, something waits.
    let private stillWaiting (others: CustomerKey list) (busy: ResizeArray<CustomerKey>) = [
        if not others.IsEmpty then
            let others = Array.ofList others

            Statement.create stillWaitingSql [
                Statement.texts (others |> Seq.map _.Channel)
                Statement.texts (others |> Seq.map (fun customer -> textOf customer.Customer))
            ],
            fun (reader: Data.Common.DbDataReader) -> busy.Add others[int (reader.GetInt64 0) - 1]
    ]

    /// What the customer did, and came in under a contact just as that one was merged, goes to the one that stands
    /// for it; also returns whose those are. What belongs to a session of the merged one is decided with the ids, the
    /// consent and the block of the one that stands.
    let private withMerged (work: Work) (held: Held list) : Task<Held list * CustomerKey list> = task {
        let merged =
            held
            |> List.choose (fun customer -> customer.MergedInto |> Option.map (fun into -> customer, into))

        if merged.IsEmpty then
            return held, []
        else
            let standing = Dictionary()

            let isStray (customer: Held) (entry: InboxEntry) =
                customer.MergedInto.IsSome && entry.Session.IsNone

            let strays = [
                for customer, into in merged do
                    for entry in customer.Entries |> List.filter (isStray customer) do
                        entry.Id, textOf into
            ]

            do!
                Database.run work [
                    Statement.create standingSql [
                        Statement.texts (merged |> Seq.map (fun (customer, _) -> customer.Channel))
                        Statement.texts (merged |> Seq.map (fun (_, into) -> textOf into))
                    ],
                    fun reader ->
                        let customer, _ = merged[int (reader.GetInt64 0) - 1]

                        standing[Held.key customer] <- {
                            customer with
                                Customer = {
                                    customer.Customer with
                                        Phone = Database.textOrNone reader 1
                                        Name = Database.textOrNone reader 2
                                }
                                BusinessScopedId = Database.textOrNone reader 3
                                OptedOut = reader.GetBoolean 4
                                Blocked = reader.GetBoolean 5
                                Entries = customer.Entries |> List.filter (isStray customer >> not)
                        }

                    if not strays.IsEmpty then
                        ContactRows.forward strays, Database.ignoreRows
                ]

            return
                held
                |> List.map (fun customer ->
                    match standing.TryGetValue(Held.key customer) with
                    | true, found -> found
                    | false, _ -> customer),
                [
                    for customer, into in merged do
                        if customer.Entries |> List.exists (isStray customer) then
                            {
                                Channel = customer.Channel
                                Customer = into
                            }
                ]
    }

    /// Locks customers with waiting entries that nobody else holds, those that are known of or else those
    /// with the oldest entries, and reads their entries. The entries are read by a statement of their own,
    /// after the lock: what an earlier holder ended and committed is not seen any more. `facts` are run
    /// first, and what `beside` asks for of those who are held is run with the entries. Also returns who of
    /// those that are known of is held by somebody else, and to whom entries were forwarded.
    let take
        (work: Work)
        (request: AdvanceRequest)
        (facts: (NpgsqlBatchCommand * (Data.Common.DbDataReader -> unit)) list)
        (beside: Held list -> (NpgsqlBatchCommand * (Data.Common.DbDataReader -> unit)) list)
        : Task<Taken> = task {
        let known =
            CommandResult.customers request.Results @ request.Known
            |> List.distinct
            |> List.truncate request.Most

        let! held =
            match known with
            | [] -> lock work request.Most (max 256 (request.Most * 4))
            | known -> lockKnown work facts known

        let busy = ResizeArray()

        let waiting =
            match known with
            | [] -> []
            | known -> stillWaiting (known |> List.except (held |> List.map Held.key)) busy

        if held.IsEmpty then
            do! Database.run work waiting

            return {
                Held = []
                Busy = List.ofSeq busy
                Forwarded = []
            }
        else
            let others = waiting @ beside held
            let held = Array.ofList held
            let entries = held |> Array.map (fun _ -> ResizeArray())
            let tries = held |> Array.map (fun _ -> Dictionary())
            let unreadable = held |> Array.map (fun _ -> ResizeArray())

            let speaking = held |> Array.map (fun _ -> ref false)
            let awaited = held |> Array.map (fun _ -> ref false)

            let names () = [
                Statement.texts (held |> Seq.map _.Channel)
                Statement.texts (held |> Seq.map (fun customer -> textOf customer.Customer.Id))
            ]

            do!
                Database.run work [
                    yield! others

                    Statement.create speakingSql (names ()),
                    (fun reader ->
                        let place = int (reader.GetInt64 0) - 1
                        speaking[place].Value <- true
                        awaited[place].Value <- not (reader.IsDBNull 1))
                    Statement.create entriesSql [ yield! names (); Statement.int StoreRules.mostEntries ],
                    fun reader ->
                        let place = int (reader.GetInt64 0) - 1
                        let id = reader.GetInt64 1

                        match Codec.read (reader.GetString 6) (reader.GetString 7) with
                        | Error reason -> unreadable[place].Add(id, reason)
                        | Ok read ->
                            tries[place][id] <- reader.GetInt32 2

                            entries[place].Add {
                                Id = id
                                Source = reader.GetString 3
                                SourceId = reader.GetString 4
                                At = read.At
                                Session = Database.textOrNone reader 5 |> Option.bind SessionId.parse
                                Trace = Database.textOrNone reader 8
                                Fact = read.Fact
                            }
                ]

            let held = [
                for index, customer in Array.indexed held do
                    {
                        customer with
                            Speaking = speaking[index].Value
                            Awaited = awaited[index].Value
                            Entries = List.ofSeq entries[index]
                            Tries = tries[index] |> Seq.map (|KeyValue|) |> Map.ofSeq
                            Unreadable = List.ofSeq unreadable[index]
                    }
            ]

            let! held, forwarded = withMerged work held

            return {
                Held =
                    held
                    |> List.filter (fun customer ->
                        not (customer.Entries.IsEmpty && customer.Unreadable.IsEmpty))
                Busy = List.ofSeq busy
                Forwarded = forwarded
            }
    }
