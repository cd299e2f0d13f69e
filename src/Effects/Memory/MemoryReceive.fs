namespace FunctionalBot.Effects.Memory

open System
open System.Security.Cryptography
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Taking in webhooks.
module internal MemoryReceive =
    let private statusName status =
        match status with
        | Sent -> "sent"
        | Delivered -> "delivered"
        | Read -> "read"
        | Played -> "played"
        | Failed _ -> "failed"
        | UnknownStatus name -> name

    /// The key of a send of ours that a status is about.
    let private ownSend (tables: MemoryTables) callback =
        match callback |> Option.bind CommandKey.parse with
        | Some key ->
            match tables.Commands.TryGetValue key with
            | true, Say _ -> Some key
            | _ -> None
        | None -> None

    let private takeStatus tables (body: ReceivedBody) (MessageId message) status callback at =
        let sourceId = String.Concat(message, ":", statusName status)

        match ownSend tables callback, status with
        | None, _ ->
            Ignored "a status of a message that this bot did not send"
            |> MemoryInbox.addEnded tables "status" sourceId
        | Some _, UnknownStatus name ->
            Ignored("the status is unknown: " + name)
            |> MemoryInbox.addEnded tables "status" sourceId
        | Some key, Failed(code, title) ->
            DeliveryFailed(key, code, title)
            |> MemoryInbox.addAbout tables body.At key.Session "status" sourceId at body.Trace

            MemoryOutbox.settle tables key "dead"
        | Some key, (Sent | Delivered | Read | Played) ->
            MemoryInbox.addSettled tables "status" sourceId
            MemoryOutbox.settle tables key "done"

    let private takeUpdate (tables: MemoryTables) (body: ReceivedBody) (sha256: string) index update =
        match update with
        | CustomerDid(channel, person, sourceId, at, fact) ->
            match MemoryContacts.resolve tables channel person with
            | Some customer ->
                MemoryInbox.add tables body.At channel customer None "whatsapp" sourceId at body.Trace fact
            | None -> MemoryInbox.addEnded tables "whatsapp" sourceId (Dead "nobody is named as its sender")
        | StatusCame(_, message, status, callback, at) -> takeStatus tables body message status callback at
        | NothingToDo(sourceId, reason, _) ->
            let sourceId =
                sourceId
                |> Option.defaultWith (fun () -> String.Concat(sha256, "#", string<int> index))

            MemoryInbox.addEnded tables "webhook" sourceId (Ignored reason)

    /// Takes in bodies with their updates.
    let receive (tables: MemoryTables) (bodies: ReceivedBody list) =
        for body in bodies do
            let sha256 = Convert.ToHexStringLower(SHA256.HashData body.Body)

            match body.Updates with
            | Error reason -> MemoryInbox.addEnded tables "webhook" sha256 (Dead reason)
            | Ok updates -> updates |> List.iteri (takeUpdate tables body sha256)
