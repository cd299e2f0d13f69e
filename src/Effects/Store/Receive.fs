namespace FunctionalBot.Effects.Store

open System
open System.Collections.Generic
open System.Security.Cryptography
open System.Text.Json
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Taking in webhooks: all bodies and what was read in them, in one transaction.
module internal Receive =
    let private webhookSql =
        "INSERT INTO bot.webhook (received_at, sha256, verdict, body)
        SELECT received_at, sha256, verdict, body
        FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS n(received_at, sha256, verdict, body, place)
        ORDER BY place RETURNING id, encode(sha256, 'hex')"

    /// Which of the keys belong to something that the bot said, and the numbers of those commands.
    let ownSql =
        "SELECT c.key, c.id FROM bot.command c WHERE c.key = ANY ($1) AND c.kind = 'say'"

    let private ended state reason = Some(state, Some reason)

    let private customerEntry
        webhook
        (body: ReceivedBody)
        channel
        (CustomerId customer)
        sourceId
        at
        fact
        : NewEntry =
        let sourceId = StoredText.name sourceId
        let at = ReceivedBody.timeOf body at
        let stored = Codec.write at sourceId fact

        {
            Source = "whatsapp"
            SourceId = sourceId
            Webhook = Some webhook
            Channel = Some channel
            Customer = Some customer
            Session = None
            At = at
            ReceivedAt = body.At
            Kind = Some stored.Alias
            Fact = Some stored.Data
            Trace = body.Trace
            Ended = None
        }

    let private plainEntry webhook receivedAt sourceId ending : NewEntry = {
        Source = "webhook"
        SourceId = StoredText.name sourceId
        Webhook = Some webhook
        Channel = None
        Customer = None
        Session = None
        At = receivedAt
        ReceivedAt = receivedAt
        Kind = None
        Fact = None
        Trace = None
        Ended = ending
    }

    /// What came of which nothing is decided, as it is kept in the column of facts.
    let private kept (raw: string) : string =
        JsonSerializer.Serialize({| Raw = raw |}, Json.stored)

    /// An element that nothing is done with, as it was written. One without an id is named by its place in the body.
    let private keptEntry webhook receivedAt sha256 index sourceId ending raw : NewEntry =
        let sourceId =
            sourceId
            |> Option.defaultWith (fun () -> String.Concat(sha256, "#", string<int> index))

        {
            plainEntry webhook receivedAt sourceId ending with
                Fact = Some(kept raw)
        }

    /// Tells the session by what its customer is reached now.
    let private moveEntry webhook (body: ReceivedBody) channel (customer: Customer) sourceId at : NewEntry =
        CustomerMoved(MessageId sourceId, customer)
        |> customerEntry webhook body channel customer.Id sourceId at

    /// What a status means: its entry, and for a send of ours how the command ended.
    let private statusEntry
        webhook
        (body: ReceivedBody)
        (own: Dictionary<string, int64>)
        (late: LateRefusals)
        channel
        (MessageId message)
        status
        callback
        at
        =
        let name = DeliveryStatus.name status
        let at = ReceivedBody.timeOf body at

        let entry = {
            plainEntry webhook body.At (String.Concat(message, ":", name)) None with
                Source = "status"
                Channel = Some channel
                At = at
        }

        let key =
            callback
            |> Option.bind (fun text ->
                match own.TryGetValue text, CommandKey.parse text with
                | (true, id), Some key -> Some(id, key)
                | _ -> None)

        match key, status with
        | None, _ ->
            {
                entry with
                    Ended = ended "ignored" "a status of a message that this bot did not send"
            },
            None
        | Some _, UnknownStatus _ ->
            {
                entry with
                    Ended = ended "ignored" ("the status is unknown: " + name)
            },
            None
        | Some(id, _), Failed(code, _) when CustomerWindow.isRefusal code && late.Kept.Contains id ->
            {
                entry with
                    Ended =
                        Some("settled", Some "the message waits for the customer to write, or went out since")
            },
            None
        | Some(id, key), Failed(code, title) ->
            let fact = DeliveryFailed(key, code, title)
            let reason = $"WhatsApp could not deliver it (%d{code} %s{title})"

            {
                Inbox.aboutSession "status" entry.SourceId key.Session at body.At body.Trace fact with
                    Webhook = Some webhook
            },
            // What waits for the customer, or went out since, is not ended by a status that comes twice.
            if CustomerWindow.isRefusal code then
                None
            else
                Some(id, "dead", Some reason)
        | Some(id, _), (Sent | Delivered | Read | Played) ->
            {
                entry with
                    Ended = Some("settled", None)
                    // By this what was said is found when the customer answers that message (`Said`).
                    Fact = callback |> Option.map kept
            },
            Some(id, "done", Some("a status says: " + name))

    /// An entry of this customer, whatever customer it was made for.
    let withCustomer (customer: Customer) (entry: NewEntry) : NewEntry =
        let (CustomerId name) = customer.Id
        let entry = { entry with Customer = Some name }

        match entry.Kind, entry.Fact with
        | Some kind, Some fact ->
            match Codec.read kind fact with
            | Ok {
                     Fact = CustomerMoved(message, _)
                     At = at
                     Cause = cause
                 } -> {
                entry with
                    Fact = Some (Codec.write at cause (CustomerMoved(message, customer))).Data
              }
            | _ -> entry
        | _ -> entry

    /// What a body holds, as entries in its order, with how the send ended that a status tells of.
    let entriesOf own late webhook (customers: Queue<Customer>) (body: ReceivedBody) (sha256: string) =
        let nobody sourceId =
            {
                plainEntry webhook body.At sourceId (ended "dead" "nobody is named as its sender") with
                    Source = "whatsapp"
            },
            None

        match body.Updates with
        | Error reason -> [ plainEntry webhook body.At sha256 (ended "dead" reason), None ]
        | Ok updates ->
            updates
            |> List.mapi (fun index update ->
                match update with
                | CustomerDid(channel, _, sourceId, at, fact) ->
                    match Contacts.sighted body update with
                    | Some _ ->
                        customerEntry webhook body channel (customers.Dequeue()).Id sourceId at fact, None
                    | None -> nobody sourceId
                | PersonMoved(channel, _, sourceId, at) ->
                    match Contacts.sighted body update with
                    | Some _ -> moveEntry webhook body channel (customers.Dequeue()) sourceId at, None
                    | None -> nobody sourceId
                | StatusCame(channel, message, status, callback, at) ->
                    statusEntry webhook body own late channel message status callback at
                | NothingToDo(sourceId, reason, raw) ->
                    keptEntry webhook body.At sha256 index sourceId (ended "ignored" reason) raw, None
                | NotUnderstood(sourceId, reason, raw) ->
                    keptEntry webhook body.At sha256 index sourceId (ended "dead" reason) raw, None)

    let private updatesOf bodies =
        bodies
        |> List.collect (fun body ->
            match body.Updates with
            | Ok updates -> updates
            | Error _ -> [])

    let private waitingFor (entries: NewEntry list) : CustomerKey list =
        entries
        |> List.choose (fun entry ->
            match entry.Ended, entry.Channel, entry.Customer with
            | None, Some channel, Some customer ->
                Some {
                    Channel = channel
                    Customer = CustomerId customer
                }
            | _ -> None)
        |> List.distinct

    /// Stores bodies and updates. Three round trips however many there are, four when somebody is new,
    /// some more when somebody has moved. The customers for whom something waits now.
    let receive
        (source: NpgsqlDataSource)
        (world: World)
        (bodies: ReceivedBody list)
        : Task<CustomerKey list> = task {
        if bodies.IsEmpty then
            return []
        else
            let updates = updatesOf bodies
            let digests = bodies |> List.map (fun body -> SHA256.HashData body.Body)

            let people = Contacts.sightedIn bodies

            let callbacks =
                updates
                |> List.choose (function
                    | StatusCame(callback = Some callback) -> Some callback
                    | _ -> None)
                |> List.distinct

            return!
                Database.transact source (fun work -> task {
                    let now = world.Now()
                    let webhooks = Dictionary<string, int64>()
                    let own = Dictionary<string, int64>()

                    do!
                        Database.run work [
                            Statement.create webhookSql [
                                Statement.instants (bodies |> Seq.map _.At)
                                Statement.bytes digests
                                Statement.texts (
                                    bodies
                                    |> Seq.map (fun body ->
                                        match body.Updates with
                                        | Ok _ -> "read"
                                        | Error reason -> "unreadable: " + reason)
                                )
                                Statement.bytes (bodies |> Seq.map _.Body)
                            ],
                            fun reader -> webhooks[reader.GetString 1] <- reader.GetInt64 0

                            if not callbacks.IsEmpty then
                                Statement.create ownSql [ Statement.texts callbacks ],
                                fun reader -> own[reader.GetString 0] <- reader.GetInt64 1
                        ]

                    let! late =
                        bodies
                        |> List.map (fun body -> body, updatesOf [ body ])
                        |> LateRefusals.find work own

                    let! customers =
                        if people.IsEmpty then
                            Task.FromResult []
                        else
                            Contacts.resolve work now (Convert.ToHexStringLower digests.Head) people

                    let queue = Queue customers

                    let entries, settled =
                        List.zip bodies digests
                        |> List.collect (fun (body, digest) ->
                            let sha256 = Convert.ToHexStringLower digest
                            entriesOf own late webhooks[sha256] queue body sha256)
                        |> List.unzip

                    let settled =
                        List.choose id settled
                        |> List.distinctBy (fun (id, _, _) -> id)
                        |> LateRefusals.without late

                    do!
                        Database.run work [
                            for statement in CommandEnd.sent now settled do
                                statement, Database.ignoreRows
                            for statement in LateRefusals.statements now late do
                                statement, Database.ignoreRows
                            if not entries.IsEmpty then
                                Inbox.insert now entries, Database.ignoreRows
                        ]

                    return waitingFor entries
                })
    }
