/// What must be true after everything, whatever happened to the nodes, the network and the database.
module FunctionalBot.Tests.Audit

open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Emulators
open FunctionalBot.Tests.Nodes
open FunctionalBot.Tests.Stage
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
let private lookAtPhones (theatre: Theatre) : Task = task {
    let phones =
        theatre.Stage.WhatsApp.Conversations.All
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

    let! wanted =
        theatre.Stage.Database.Rows "SELECT key FROM bot.command WHERE kind = 'say'"

    Assert.Equal<Set<string>>(wanted |> List.map List.head |> set, arrived)
}

/// Each message of a customer is an event of a session, and nothing else is.
let private lookForMessages (theatre: Theatre) : Task = task {
    let written =
        theatre.Stage.WhatsApp.Conversations.All
        |> List.filter (fun message -> message.Author = WhatsApp.ByCustomer)
        |> List.map _.Id
        |> set

    let! decided =
        theatre.Stage.Database.Rows "SELECT data->>'Message' FROM mt_events WHERE data ? 'Message'"

    Assert.Equal<Set<string>>(written, decided |> List.map List.head |> set)
}

let private lookAtTickets (expected: Expected) (theatre: Theatre) : Task = task {
    let! found = tickets theatre.Stage
    Assert.Equal(expected.Confirmed, found.Length)
    let everything = theatre.Stage.WhatsApp.Conversations.All |> List.map textOf

    for ticket in found do
        let told = everything |> List.filter (fun text -> text.Contains ticket.Number)
        Assert.Single told |> ignore
}

/// Waits until all is done and looks at everything: what customers sent and heard, the tables, the tickets.
let look (expected: Expected) (theatre: Theatre) : Task = task {
    do! quiet theatre.Stage
    do! lookIntoTables theatre.Stage.Database
    do! lookForMessages theatre
    do! lookAtPhones theatre

    for KeyValue(customer, count) in expected.Answers do
        let got = (heard customer theatre).Length

        if got <> count then
            failwith $"%s{customer} got %d{got} answers where %d{count} are right."

    Assert.Equal(expected.Answers |> Map.values |> Seq.sum, heardByAll theatre)
    do! lookAtTickets expected theatre
}
