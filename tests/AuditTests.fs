/// The audit of the tests with nodes sees each kind of damage that it is for.
module FunctionalBot.Tests.AuditTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Tests.Nodes
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.Talk

/// Somewhere in the database.
[<NoComparison>]
type private Damage = {
    What: string
    Does: string
    Undoes: string
    /// Of what the audit says.
    Words: string
}

/// Exchanges the first two texts of each customer; done twice it is undone.
let private exchange =
    "UPDATE mt_events e SET data = e.data || jsonb_build_object('Message', o.data->'Message') FROM mt_events o
        WHERE e.stream_id = o.stream_id AND e.type = 'text_received' AND o.type = e.type AND e.id <> o.id
        AND e.version IN (SELECT version FROM mt_events WHERE stream_id = e.stream_id
            AND type = 'text_received' ORDER BY version LIMIT 2)
        AND o.version IN (SELECT version FROM mt_events WHERE stream_id = e.stream_id
            AND type = 'text_received' ORDER BY version LIMIT 2)"

let private damages: Damage list = [
    {
        What = "the order of what a customer wrote"
        Does = exchange
        Undoes = exchange
        Words = "came before"
    }
    {
        What = "a timer that is gone"
        Does = "CREATE TABLE kept AS SELECT * FROM bot.timer; DELETE FROM bot.timer"
        Undoes = "INSERT INTO bot.timer SELECT * FROM kept; DROP TABLE kept"
        Words = "session/whatsapp"
    }
    {
        What = "a counter that was moved twice"
        Does = "UPDATE bot.tally SET amount = amount + 1 WHERE what = 'command-done'"
        Undoes = "UPDATE bot.tally SET amount = amount - 1 WHERE what = 'command-done'"
        Words = "the counter command-done"
    }
    {
        What = "a saved session that is not the fold"
        Does =
            "CREATE TABLE kept AS SELECT * FROM bot.session;
            UPDATE bot.session SET data = (replace(data::text, 'Spanish', 'English'))::json"
        Undoes =
            "UPDATE bot.session s SET data = k.data FROM kept k WHERE k.stream = s.stream; DROP TABLE kept"
        Words = "session/whatsapp"
    }
    {
        What = "a message that nobody wrote"
        Does =
            "CREATE TABLE kept AS SELECT * FROM mt_events WHERE type = 'text_received' AND version = 2;
            UPDATE mt_events e SET data = e.data || jsonb_build_object('Message', 'from-' || e.stream_id)
            FROM kept k WHERE k.id = e.id"
        Undoes = "UPDATE mt_events e SET data = k.data FROM kept k WHERE k.id = e.id; DROP TABLE kept"
        Words = "from-session"
    }
    {
        What = "a dead command"
        Does = "UPDATE bot.command_end SET state = 'dead' WHERE id = (SELECT max(id) FROM bot.command_end)"
        Undoes = "UPDATE bot.command_end SET state = 'done' WHERE state = 'dead'"
        Words = "ended dead"
    }
]

let private sees (what: string) (words: string) (look: unit -> Task) : Task = task {
    match! Record.ExceptionAsync(fun () -> look ()) with
    | null -> failwith $"The audit did not see %s{what}."
    | fault -> Assert.Contains(words, fault.Message)
}

[<Fact>]
let ``the audit sees each kind of damage`` () : Task =
    onNodes 2 (fun theatre -> task {
        let! _ = startNodes 1 [] theatre

        let! expected = together [ openTicket "c0001" theatre; converse "c0002" 2 2 theatre ]

        do! Audit.look expected theatre

        for damage in damages do
            do! theatre.Stage.Database.Execute damage.Does
            do! sees damage.What damage.Words (fun () -> Audit.look expected theatre)
            do! theatre.Stage.Database.Execute damage.Undoes
            do! Audit.look expected theatre

        let others = {
            expected with
                Confirmed = Map [ "c0002", 1 ]
        }

        let more = expected |> plus (answered "c0002" 1)
        do! sees "whose ticket it is" (ticketTitle "c0001") (fun () -> Audit.look others theatre)
        do! sees "that an answer is missing" "c0002 got" (fun () -> Audit.look more theatre)

        // Another customer hears of the ticket.
        let! ticket = StageLooks.tickets theatre.Stage
        write "c0002" (ticket.Head.Number + "?") theatre
        let! _ = hear "c0002" 5 theatre
        do! sees "who is told" "was told to" (fun () -> Audit.look more theatre)
    })
