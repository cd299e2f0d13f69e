namespace FunctionalBot.Effects.Store

open System
open System.Collections.Generic
open System.Security.Cryptography
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects

/// An entry that ended when it arrived: nothing in its body was understood, or nothing was to be done.
[<NoComparison>]
type internal Arrived = {
    Id: int64
    Source: string
    SourceId: string
    /// "dead" or "ignored".
    Ended: string
    ReceivedAt: DateTimeOffset
    Webhook: int64
    Body: byte[]
}

/// Reading a kept body again, with a reader that may understand more than the one that read it first. What is known
/// already is neither decided nor counted again.
module internal InboxReread =
    let private knownSql =
        "SELECT i.source, i.source_id, i.id, i.ended FROM unnest($1, $2) AS n(source, source_id)
        JOIN bot.inbox i ON i.source = n.source AND i.source_id = n.source_id FOR UPDATE OF i"

    let private reviveSql =
        "WITH revived AS (
            UPDATE bot.inbox i SET channel = n.channel, customer = n.customer, session = n.session, at = n.at,
                kind = n.kind, fact = n.fact::json, ended = NULL, reason = NULL
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS n(id, was, channel, customer, session, at, kind, fact)
            WHERE i.id = n.id RETURNING i.id, i.channel, i.customer, i.at, i.received_at, n.was),
        queued AS (
            INSERT INTO bot.inbox_pending (id, channel, customer, at, received_at)
            SELECT id, channel, customer, at, received_at FROM revived),
        taken AS ("
        + Untally.each "SELECT received_at, was FROM revived"
        + ") SELECT count(*) FROM revived"

    let private replaceSql =
        "WITH replaced AS (
            UPDATE bot.inbox SET ended = 'settled', reason = 'its body was read again' WHERE id = $1
            RETURNING received_at),
        taken AS ("
        + Untally.each "SELECT received_at, $2 FROM replaced"
        + "), added AS ("
        + Tally.add "$3" "SELECT 'settled', count(*) FROM replaced"
        + ") SELECT count(*) FROM replaced"

    let private verdictSql =
        "UPDATE bot.webhook SET verdict = 'read' WHERE id = $1 AND verdict <> 'read' RETURNING 1"

    let private keyOf (entry: NewEntry) = struct (entry.Source, entry.SourceId)

    /// The keys of ours that the statuses of the body name.
    let private ownKeys (work: Work) (updates: Update list) = task {
        let callbacks =
            updates
            |> List.choose (function
                | StatusCame(callback = Some callback) -> Some callback
                | _ -> None)
            |> List.distinct

        let own = Dictionary<string, int64>()

        do!
            Database.run work [
                if not callbacks.IsEmpty then
                    Statement.create Receive.ownSql [ Statement.texts callbacks ],
                    fun reader -> own[reader.GetString 0] <- reader.GetInt64 1
            ]

        return own
    }

    let private known (work: Work) (entries: NewEntry list) = task {
        let found = Dictionary<struct (string * string), int64 * string option>()

        do!
            Database.run work [
                if not entries.IsEmpty then
                    Statement.create knownSql [
                        Statement.texts (entries |> Seq.map _.Source)
                        Statement.texts (entries |> Seq.map _.SourceId)
                    ],
                    fun reader ->
                        found[struct (reader.GetString 0, reader.GetString 1)] <-
                            (reader.GetInt64 2, Database.textOrNone reader 3)
            ]

        return found
    }

    /// The customers of the entries that came from a customer and are taken in now. The others are left as they are: an
    /// old body must not bring back an old name or number of a customer whose messages are all known.
    let private withCustomers
        (work: Work)
        now
        digest
        (people: Map<string, SightedPerson>)
        (entries: NewEntry list)
        = task {
        let wanted =
            entries
            |> List.choose (fun entry ->
                if entry.Source = "whatsapp" then
                    people.TryFind entry.SourceId |> Option.map (fun who -> entry.SourceId, who)
                else
                    None)

        let! customers =
            if wanted.IsEmpty then
                Task.FromResult []
            else
                Contacts.resolve work now digest (List.map snd wanted)

        let bySource = List.zip (List.map fst wanted) customers |> Map.ofList

        return
            entries
            |> List.map (fun entry ->
                match entry.Source, bySource.TryFind entry.SourceId with
                | "whatsapp", Some customer -> Receive.withCustomer customer entry
                | _ -> entry)
    }

    let private revive (entries: (int64 * string * NewEntry) list) =
        let column part =
            entries |> Seq.map (fun (_, _, entry: NewEntry) -> part entry)

        Statement.create reviveSql [
            Statement.bigints (entries |> Seq.map (fun (id, _, _) -> id))
            Statement.texts (entries |> Seq.map (fun (_, was, _) -> was))
            Statement.textOptions (column _.Channel)
            Statement.textOptions (column _.Customer)
            Statement.textOptions (column _.Session)
            Statement.instants (column _.At)
            Statement.textOptions (column _.Kind)
            Statement.textOptions (column _.Fact)
        ]

    let private take (work: Work) now (arrived: Arrived) (updates: Update list) : Task<ChangeOutcome> = task {
        let body: ReceivedBody = {
            Body = arrived.Body
            At = arrived.ReceivedAt
            Trace = None
            Updates = Ok updates
        }

        let people =
            updates
            |> List.choose (fun update ->
                match update with
                | CustomerDid(_, _, sourceId, _, _)
                | PersonMoved(_, _, sourceId, _) ->
                    Contacts.sighted body update
                    |> Option.map (fun seen -> StoredText.name sourceId, seen)
                | StatusCame _
                | NothingToDo _
                | NotUnderstood _ -> None)

        let! own = ownKeys work updates
        let! late = LateRefusals.find work own [ body, updates ]
        // Who they are is looked up once it is known which of them are taken in.
        let nobody =
            people
            |> List.map (fun _ -> {
                Id = CustomerId ""
                Phone = None
                Name = None
            })
            |> Queue

        let digest = Convert.ToHexStringLower(SHA256.HashData arrived.Body)

        let read =
            Receive.entriesOf own late arrived.Webhook nobody body digest
            |> List.distinctBy (fst >> keyOf)

        let! known = known work (List.map fst read)

        let standing (entry: NewEntry) =
            match known.TryGetValue(keyOf entry) with
            | true, found -> Some found
            | false, _ -> None

        let fresh = read |> List.filter (fun (entry, _) -> (standing entry).IsNone)

        let revivable =
            read
            |> List.choose (fun (entry, settled) ->
                match standing entry with
                | Some(id, Some("dead" | "ignored" as was)) when entry.Ended.IsNone ->
                    Some(id, was, entry, settled)
                | Some _
                | None -> None)

        let! taken =
            withCustomers
                work
                now
                digest
                (Map.ofList people)
                (List.map fst fresh @ List.map (fun (_, _, entry, _) -> entry) revivable)

        let freshEntries, revivedEntries = List.splitAt fresh.Length taken

        let revived =
            List.map2 (fun (id, was, _, _) entry -> id, was, entry) revivable revivedEntries

        let settled =
            List.map snd fresh @ List.map (fun (_, _, _, settled) -> settled) revivable
            |> List.choose id
            |> List.distinctBy (fun (id, _, _) -> id)
            |> LateRefusals.without late

        let stays =
            read
            |> List.exists (fun (entry, _) -> keyOf entry = struct (arrived.Source, arrived.SourceId))

        if freshEntries.IsEmpty && revived.IsEmpty && stays then
            return Unchanged "this build reads no more in its body than is known already"
        else
            do!
                Database.run work [
                    for statement in CommandEnd.sent now settled do
                        statement, Database.ignoreRows
                    for statement in LateRefusals.statements now late do
                        statement, Database.ignoreRows
                    if not freshEntries.IsEmpty then
                        Inbox.insert now freshEntries, Database.ignoreRows
                    if not revived.IsEmpty then
                        revive revived, Database.ignoreRows
                    if not stays then
                        Statement.create replaceSql [
                            Statement.bigint arrived.Id
                            Statement.text arrived.Ended
                            Statement.instant now
                        ],
                        Database.ignoreRows
                    Statement.create verdictSql [ Statement.bigint arrived.Webhook ], Database.ignoreRows
                ]

            let waiting =
                revived.Length + (freshEntries |> List.filter _.Ended.IsNone |> List.length)

            return
                Changed(
                    $"its body was read again: %d{waiting} to be decided, "
                    + $"%d{freshEntries.Length + revived.Length - waiting} ended at once"
                )
    }

    /// Reads the body again and takes in what is new in it.
    let run
        (work: Work)
        (now: DateTimeOffset)
        (readBody: byte[] -> Result<Update list, string>)
        (arrived: Arrived)
        : Task<ChangeOutcome> =
        match readBody arrived.Body with
        | Error reason -> Task.FromResult(Unchanged("this build cannot read its body either: " + reason))
        | Ok updates -> take work now arrived updates
