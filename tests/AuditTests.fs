/// The audit of the tests with nodes sees each kind of damage that it is for.
module FunctionalBot.Tests.AuditTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Tests.Nodes
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.Talk

/// Damage to the database, how it is mended, and what is damaged.
let private damages: (string * string * string) list = [
    "the order of what a customer wrote",
    "UPDATE mt_events e SET data = e.data || jsonb_build_object('Message', o.data->'Message') FROM mt_events o
        WHERE e.stream_id = o.stream_id AND e.type = 'text_received' AND o.type = e.type AND e.id <> o.id
        AND e.version IN (SELECT version FROM mt_events WHERE stream_id = e.stream_id
            AND type = 'text_received' ORDER BY version LIMIT 2)
        AND o.version IN (SELECT version FROM mt_events WHERE stream_id = e.stream_id
            AND type = 'text_received' ORDER BY version LIMIT 2)",
    "same"
    "a timer",
    "CREATE TABLE kept AS SELECT * FROM bot.timer; DELETE FROM bot.timer",
    "INSERT INTO bot.timer SELECT * FROM kept; DROP TABLE kept"
    "a counter",
    "UPDATE bot.tally SET amount = amount + 1 WHERE what = 'command-done'",
    "UPDATE bot.tally SET amount = amount - 1 WHERE what = 'command-done'"
    "a saved session",
    "CREATE TABLE kept AS SELECT * FROM bot.session; UPDATE bot.session SET data = (replace(data::text,
        'Spanish', 'English'))::json",
    "UPDATE bot.session s SET data = k.data FROM kept k WHERE k.stream = s.stream; DROP TABLE kept"
    "an event that was written twice",
    "UPDATE mt_events SET data = data || '{\"Message\": \"another\"}' WHERE type = 'text_received' AND version = 2",
    ""
]

let private sees (what: string) (look: unit -> Task) : Task = task {
    let! fault = Record.ExceptionAsync(fun () -> look ())

    match fault, TestContext.Current.TestOutputHelper with
    | null, _ -> failwith $"The audit did not see that %s{what} is wrong."
    | _, null -> ()
    | fault, output -> output.WriteLine $"%s{what}: %s{fault.Message}"
}

[<Fact>]
let ``the audit sees each kind of damage`` () : Task =
    onNodes 2 (fun theatre -> task {
        let! _ = startNodes 1 [] theatre

        let! expected = together [ openTicket "c0001" theatre; converse "c0002" 2 2 theatre ]

        do! Audit.look expected theatre

        for what, damage, mend in damages do
            do! theatre.Stage.Database.Execute damage
            do! sees what (fun () -> Audit.look expected theatre)

            if mend <> "" then
                do! theatre.Stage.Database.Execute(if mend = "same" then damage else mend)
                do! Audit.look expected theatre

        let others = {
            expected with
                Confirmed = Map [ "c0002", 1 ]
        }

        do! sees "the ticket of another" (fun () -> Audit.look others theatre)

        do!
            sees "the number of answers" (fun () ->
                Audit.look (expected |> plus (answered "c0002" 1)) theatre)
    })
