namespace FunctionalBot.Effects.Memory

open System
open System.Security.Cryptography
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Taking in webhooks.
module internal MemoryReceive =
    /// The key of a send of ours that a status is about.
    let private ownSend (tables: MemoryTables) callback =
        match callback |> Option.bind CommandKey.parse with
        | Some key ->
            match tables.Commands.TryGetValue key with
            | true, Say _ -> Some key
            | _ -> None
        | None -> None

    let private ofSession (session: SessionId) : CustomerKey = {
        Channel = session.Channel
        Customer = session.Customer
    }

    let private takeStatus
        (tables: MemoryTables)
        (body: ReceivedBody)
        (MessageId message)
        status
        callback
        at
        =
        let sourceId = String.Concat(message, ":", DeliveryStatus.name status)
        let at = ReceivedBody.timeOf body at

        match ownSend tables callback, status with
        | None, _ ->
            Ignored "a status of a message that this bot did not send"
            |> MemoryInbox.addEnded tables "status" sourceId

            None
        | Some _, UnknownStatus name ->
            Ignored("the status is unknown: " + name)
            |> MemoryInbox.addEnded tables "status" sourceId

            None
        | Some key, Failed(code, _) when
            CustomerWindow.isRefusal code
            && not (tables.Inbox.ContainsKey(struct ("status", sourceId)))
            && MemoryWaiting.keepLateRefused tables body.At key at
            ->
            MemoryInbox.addSettled tables "status" sourceId
            None
        | Some key, Failed(code, title) ->
            DeliveryFailed(key, code, title)
            |> MemoryInbox.addAbout tables body.At key.Session "status" sourceId at body.Trace

            if not (CustomerWindow.isRefusal code) then
                MemoryOutbox.settle tables body.At key "dead"

            Some(ofSession key.Session)
        | Some key, (Sent | Delivered | Read | Played) ->
            tables.SaidWith[message] <- key
            MemoryInbox.addSettled tables "status" sourceId
            MemoryOutbox.settle tables body.At key "done"
            None

    /// An element that nothing is done with. One without an id is named by its place in the body.
    let private keep tables sha256 index sourceId ending : CustomerKey option =
        let sourceId =
            sourceId
            |> Option.defaultWith (fun () -> String.Concat(sha256, "#", string<int> index))

        MemoryInbox.addEnded tables "webhook" sourceId ending
        None

    /// Puts down what came from somebody. Whose work it is; None where nobody is named.
    let private takeFrom
        (tables: MemoryTables)
        (body: ReceivedBody)
        (sha256: string)
        (channel, sourceId, at)
        sighting
        (factOf: MemoryContact -> Fact)
        : CustomerKey option =
        let at = ReceivedBody.timeOf body at

        match MemoryContacts.resolve tables (sha256.Substring(0, 12)) channel at sighting with
        | Some contact ->
            let customer = contact.Customer

            factOf contact
            |> MemoryInbox.add tables body.At channel customer None "whatsapp" sourceId at body.Trace

            Some {
                Channel = channel
                Customer = customer
            }
        | None ->
            MemoryInbox.addEnded tables "whatsapp" sourceId (Dead "nobody is named as its sender")
            None

    /// Whose work it is; None where there is nothing to decide.
    let private takeUpdate
        (tables: MemoryTables)
        (body: ReceivedBody)
        (sha256: string)
        index
        update
        : CustomerKey option =
        match update with
        | CustomerDid(channel, person, sourceId, at, fact) ->
            takeFrom tables body sha256 (channel, sourceId, at) (Wrote person) (fun _ -> fact)
        | PersonMoved(channel, move, sourceId, at) ->
            takeFrom tables body sha256 (channel, sourceId, at) (Moved move) (fun contact ->
                CustomerMoved(
                    MessageId sourceId,
                    {
                        Id = contact.Customer
                        Phone = contact.Phone
                        Name = contact.Name
                    }
                ))
        | StatusCame(_, message, status, callback, at) -> takeStatus tables body message status callback at
        | NothingToDo(sourceId, reason, _) -> keep tables sha256 index sourceId (Ignored reason)
        | NotUnderstood(sourceId, reason, _) -> keep tables sha256 index sourceId (Dead reason)

    /// Takes in bodies with their updates. Whose work there is now.
    let receive (tables: MemoryTables) (bodies: ReceivedBody list) : CustomerKey list =
        bodies
        |> List.collect (fun body ->
            let sha256 = Convert.ToHexStringLower(SHA256.HashData body.Body)

            match body.Updates with
            | Error reason ->
                MemoryInbox.addEnded tables "webhook" sha256 (Dead reason)
                []
            | Ok updates -> updates |> List.mapi (takeUpdate tables body sha256) |> List.choose id)
        |> List.distinct
