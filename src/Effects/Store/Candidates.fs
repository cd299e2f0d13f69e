namespace FunctionalBot.Effects.Store

open System
open System.Collections.Generic
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects

/// A customer whose row this transaction has locked, with what waits for the customer.
[<NoComparison>]
type internal Held = {
    Channel: string
    Customer: Customer
    Language: Language option
    CurrentOrdinal: int
    /// In order: by time, then by arrival.
    Entries: InboxEntry list
    /// How often the decision failed while the entry was the first.
    Tries: Map<int64, int>
    /// Entries whose fact this version cannot read, and why.
    Unreadable: (int64 * string) list
}

/// Choosing the customers to work for.
module internal Candidates =
    let private lockSql =
        "WITH waiting AS (
            SELECT channel, customer, min(id) AS first
            FROM (SELECT id, channel, customer FROM bot.inbox_pending ORDER BY id LIMIT $1) w
            GROUP BY channel, customer)
        SELECT c.channel, c.customer, c.phone, c.name, c.language, c.current_ordinal
        FROM waiting w JOIN bot.contact c ON c.channel = w.channel AND c.customer = w.customer
        ORDER BY w.first LIMIT $2 FOR NO KEY UPDATE OF c SKIP LOCKED"

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

    /// So many entries of one customer are decided in one transaction.
    let private mostEntries = 64

    /// The oldest waiting entries are looked through. Where they belong to few customers, or to customers
    /// that other workers hold, the look goes further, so that one who floods does not keep the others
    /// waiting.
    let rec private lock (work: Work) (most: int) (window: int) : Task<Held list> = task {
        let held = ResizeArray()
        let waiting = ref 0L

        do!
            Database.run work [
                Statement.create lockSql [ Statement.int window; Statement.int most ],
                (fun reader ->
                    held.Add {
                        Channel = reader.GetString 0
                        Customer = {
                            Id = CustomerId(reader.GetString 1)
                            Phone = Database.textOrNone reader 2
                            Name = Database.textOrNone reader 3
                        }
                        Language = Database.textOrNone reader 4 |> Option.bind Language.ofCode
                        CurrentOrdinal = reader.GetInt32 5
                        Entries = []
                        Tries = Map.empty
                        Unreadable = []
                    })
                Statement.create waitingSql [ Statement.int window ],
                (fun reader -> waiting.Value <- reader.GetInt64 0)
            ]

        if held.Count < most && waiting.Value >= int64 window && window < 1_000_000 then
            return! lock work most (window * 8)
        else
            return List.ofSeq held
    }

    /// Locks up to `most` customers with waiting entries that nobody else holds, oldest entry first, and
    /// reads their entries. The entries are read by a statement of their own, after the lock: what an earlier
    /// holder ended and committed is not seen any more.
    let take (work: Work) (most: int) : Task<Held list> = task {
        let! held = lock work most (max 256 (most * 4))

        if held.IsEmpty then
            return []
        else
            let held = Array.ofList held
            let entries = held |> Array.map (fun _ -> ResizeArray())
            let tries = held |> Array.map (fun _ -> Dictionary())
            let unreadable = held |> Array.map (fun _ -> ResizeArray())

            let customerText (customer: Held) =
                let (CustomerId id) = customer.Customer.Id
                id

            do!
                Database.run work [
                    Statement.create entriesSql [
                        Statement.texts (held |> Seq.map _.Channel)
                        Statement.texts (held |> Seq.map customerText)
                        Statement.int mostEntries
                    ],
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

            return [
                for index, customer in Array.indexed held do
                    if entries[index].Count > 0 || unreadable[index].Count > 0 then
                        {
                            customer with
                                Entries = List.ofSeq entries[index]
                                Tries = tries[index] |> Seq.map (|KeyValue|) |> Map.ofSeq
                                Unreadable = List.ofSeq unreadable[index]
                        }
            ]
    }
