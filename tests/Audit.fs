/// What must be true after everything, whatever happened to the nodes, the network and the database.
module FunctionalBot.Tests.Audit

open System
open System.Threading.Tasks
open Npgsql
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Emulators
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.Nodes
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageCustomers
open FunctionalBot.Tests.StageLooks
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.Talk

/// Statements that must find nothing, with what it would mean.
let private mustBeEmpty = [
    "entries of the inbox that are lost, open or dead",
    "SELECT source, source_id, state, reason FROM bot.inbox_state WHERE state IN ('lost', 'pending', 'dead')"
    "commands that are open", "SELECT id, state, attempts, reason FROM bot.outbox"
    "commands that are neither open nor ended",
    "SELECT c.key FROM bot.command c LEFT JOIN bot.command_end e ON e.id = c.id WHERE e.id IS NULL"
    "messages to customers that ended dead",
    "SELECT c.key, e.reason FROM bot.command c JOIN bot.command_end e ON e.id = c.id
        WHERE e.state = 'dead'"
    "messages of customers that were decided twice",
    "SELECT data->>'Message', count(*) FROM mt_events WHERE data ? 'Message' GROUP BY 1 HAVING count(*) > 1"
    "things that made the same event twice",
    "SELECT data->>'Cause', type FROM mt_events GROUP BY 1, 2 HAVING count(*) > 1"
    "streams with a gap", "SELECT stream_id FROM mt_events GROUP BY stream_id HAVING max(version) <> count(*)"
    "sessions that are behind their stream",
    "SELECT s.stream FROM bot.session s JOIN mt_streams m ON m.id = s.stream WHERE s.version <> m.version"
]

let private lookIntoTables (database: Database) : Task = task {
    for what, sql in mustBeEmpty do
        match! database.Rows sql with
        | [] -> ()
        | rows -> failwith $"%d{rows.Length} %s{what}: %A{List.truncate 5 rows}"
}

let private keyOf (message: WhatsApp.Message) : CommandKey =
    match message.Callback |> Option.bind CommandKey.parse with
    | Some key -> key
    | None -> failwith $"A message without a key reached %s{message.CustomerId}."

/// Each thing that was to be said arrived once, and in the order in which it was to be said.
let private lookAtPhones (stage: Stage) : Task = task {
    let phones =
        stage.WhatsApp.Conversations.All
        |> List.filter (fun message -> message.Author = WhatsApp.ByBusiness)
        |> List.groupBy _.CustomerId

    for customer, messages in phones do
        let places =
            messages
            |> List.map keyOf
            |> List.map (fun key -> key.Session.Ordinal, key.Version, key.Ordinal)

        if places <> List.sort places then
            failwith $"%s{customer} heard things in another order than they were decided in: %A{places}"

        if places <> List.distinct places then
            failwith $"%s{customer} heard something twice: %A{places}"

    let arrived =
        phones
        |> List.collect (fun (_, messages) -> messages |> List.map (keyOf >> CommandKey.text))
        |> set

    let! wanted = stage.Database.Rows "SELECT key FROM bot.command WHERE kind = 'say'"

    Assert.Equal<Set<string>>(wanted |> List.map List.head |> set, arrived)
}

/// The webhooks that brought messages to the bot, by the ids of the messages.
let private webhooks (stage: Stage) : Map<string, WhatsApp.Delivery> =
    Map [
        for delivery in stage.WhatsApp.Deliveries() do
            match Json.parse delivery.Body with
            | Ok body ->
                for id in idsIn body do
                    id, delivery
            | Error problem -> failwith problem
    ]

/// Whether it is certain that one message comes before the other: it had been taken in before the other was sent at
/// all, and was not written in a later second. Of what is sent again or mixed on purpose nobody knows that.
let private comesFirst
    (webhooks: Map<string, WhatsApp.Delivery>)
    (one: WhatsApp.Message)
    (other: WhatsApp.Message)
    =
    match webhooks.TryFind one.Id, webhooks.TryFind other.Id with
    | Some before, Some after ->
        before.AcceptedAt |> Option.exists (fun accepted -> accepted < after.At)
        && one.At.ToUnixTimeSeconds() <= other.At.ToUnixTimeSeconds()
    | _ -> false

/// What each customer wrote was decided in its order. How many pairs of messages have an order.
let private lookAtOrder (stage: Stage) (written: WhatsApp.Message list) (decided: Map<string, int>) : int =
    let webhooks = webhooks stage

    let pairs = [
        for _, messages in written |> List.groupBy _.CustomerId do
            for one in messages do
                for other in messages do
                    if comesFirst webhooks one other then
                        one, other
    ]

    for one, other in pairs do
        if decided[one.Id] >= decided[other.Id] then
            failwith
                $"%s{one.CustomerId}: \"%s{textOf one}\" came before \"%s{textOf other}\", and was decided after it."

    pairs.Length

/// Each message of a customer is an event of a session, and nothing else is; and each customer is heard in order.
let private lookForMessages (stage: Stage) : Task = task {
    let written =
        stage.WhatsApp.Conversations.All
        |> List.filter (fun message -> message.Author = WhatsApp.ByCustomer)

    let! rows =
        stage.Database.Rows
            "SELECT data->>'Message', stream_id, version FROM mt_events WHERE data ? 'Message'"

    let places =
        rows
        |> List.map (function
            | [ message; stream; version ] ->
                match SessionId.parse stream with
                | Some session -> (session.Ordinal, int64 version), message
                | None -> failwith $"No stream of a session: %s{stream}"
            | other -> failwith $"%A{other}")

    Assert.Equal<Set<string>>(written |> List.map _.Id |> set, places |> List.map snd |> set)

    let decided =
        Map [
            for place, (_, message) in List.indexed (List.sortBy fst places) -> message, place
        ]

    let compared = lookAtOrder stage written decided

    // Whoever writes again after an answer does so after what they wrote before was taken in.
    if written.Length > (written |> List.distinctBy _.CustomerId).Length then
        Assert.True(compared > 0, "Of no two messages it is known which came first.")
}

/// Each customer has the tickets that they confirmed, each once, and was told its number, each once.
let private lookAtTickets (expected: Expected) (stage: Stage) : Task = task {
    let! found = tickets stage

    let counts =
        expected.Confirmed
        |> Map.toList
        |> List.map (fun (customer, count) -> ticketTitle customer, count)

    Assert.Equal<(string * int) list>(List.sort counts, found |> List.countBy _.Name |> List.sort)

    for ticket in found do
        let told =
            stage.WhatsApp.Conversations.All
            |> List.filter (fun message ->
                message.Author = WhatsApp.ByBusiness && (textOf message).Contains ticket.Number)

        match told with
        | [ message ] when ticketTitle message.CustomerId = ticket.Name -> ()
        | told ->
            failwith $"%s{ticket.Number}, \"%s{ticket.Name}\", was told to %A{told |> List.map _.CustomerId}."
}

/// The layout and the books of the database hold.
let private lookAtBooks (database: Database) : Task = task {
    let operations =
        Operations.create
            database.ConnectionString
            OperationScenes.readsNothing
            (worldOf (fun () -> DateTimeOffset.UtcNow))

    do! OperationScenes.expectSound operations
    do! operations.Close()
}

/// Every stream folds to its saved session, and all that it asked for was queued, or is set as a timer.
let private lookAtStreams (database: Database) : Task = task {
    use source = NpgsqlDataSource.Create database.ConnectionString
    let streams = ref 0L

    do!
        StreamSweep.run
            source
            DateTimeOffset.UnixEpoch
            2
            (Replaying.replay source Transition.transition)
            (fun findings ->
                Assert.Empty findings.Bad
                Assert.Empty findings.Found
                Assert.Equal(0L, findings.NotSaved)
                streams.Value <- streams.Value + findings.Streams)

    let! count = database.Cell "SELECT count(*) FROM mt_streams"
    Assert.Equal(count, string streams.Value)
}

/// Waits until all is done and looks at everything: what customers sent and heard, the tables, the tickets.
let look (expected: Expected) (theatre: Theatre) : Task = task {
    let stage = theatre.Stage
    do! quiet stage
    do! lookIntoTables stage.Database
    do! lookForMessages stage
    do! lookAtPhones stage

    for KeyValue(customer, count) in expected.Answers do
        let got = (heard customer theatre).Length

        if got <> count then
            failwith $"%s{customer} got %d{got} answers where %d{count} are right."

    Assert.Equal(expected.Answers |> Map.values |> Seq.sum, heardByAll theatre)
    do! lookAtTickets expected stage
    do! lookAtBooks stage.Database
    do! lookAtStreams stage.Database
}
