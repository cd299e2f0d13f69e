/// Several nodes share one database; nodes die, freeze and hear everything twice.
[<Xunit.Collection(FunctionalBot.Tests.Nodes.collection)>]
module FunctionalBot.Tests.NodesTests

open System
open System.Text
open System.Threading.Tasks
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.Door
open FunctionalBot.Tests.Nodes
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageLooks
open FunctionalBot.Tests.Talk

let private names (customers: WhatsApp.Customer list) = customers |> List.map _.Id

/// Every sixth customer opens a ticket, the others talk; in each round other ones.
let private loadIn round customers questions burst theatre =
    together [
        for index, customer in List.indexed (names customers) do
            if index % 6 = round then
                openTicket customer theatre
            else
                converse customer questions burst theatre
    ]

let private load customers questions burst theatre =
    loadIn 0 customers questions burst theatre

let private rowsUntil what (sql: string) theatre =
    eventually what (fun () -> task {
        match! theatre.Stage.Database.Rows sql with
        | [] -> return None
        | rows -> return Some rows
    })

[<Fact>]
let ``three nodes share the work of many customers, and each does some of it`` () : Task =
    seeded (fun _ ->
        onNodes 60 (fun theatre -> task {
            let! nodes = startNodes 3 [] theatre
            let! expected = load (crowd 60) 2 3 theatre
            do! Audit.look expected theatre

            for node in nodes do
                Assert.True(sentBy node theatre > 0, node.Name + " did nothing.")
        }))

/// How many of the commands that ran at that moment were taken over by another node: their leases had run out. None
/// while some of them are still with whoever had them.
let private takenOver (running: string list list) theatre = task {
    let! now =
        theatre.Stage.Database.Rows
            "SELECT id, attempts, state FROM bot.outbox
            UNION ALL SELECT id, attempts, state FROM bot.command_end"

    let known = Map [ for row in now -> row[0], (int row[1], row[2]) ]

    let fates =
        running
        |> List.map (fun row ->
            match known[row[0]] with
            | attempts, _ when attempts > int row[1] -> Some true
            | _, "unknown" -> Some true
            | _, "running" -> None
            | _ -> Some false)

    return
        if fates |> List.exists ((=) (Some true)) then Some true
        elif fates |> List.forall Option.isSome then Some false
        else None
}

/// Pauses the node at a moment at which it holds leases, and waits until one of them has run out. The other nodes live
/// and keep theirs, so that nothing else is taken over. A node that is met with empty hands is paused again later.
let private pausePastItsLease (node: Node) (theatre: Theatre) : Task = task {
    let isPaused = ref false

    while not isPaused.Value do
        do! pause node

        let! running =
            theatre.Stage.Database.Rows "SELECT id, attempts FROM bot.outbox WHERE state = 'running'"

        let! held =
            eventually "what was running to end or to be taken over" (fun () -> takenOver running theatre)

        isPaused.Value <- held

        if not held then
            do! wake node
}

[<Fact>]
let ``of three nodes at work one is killed and one sleeps past its lease and wakes: nothing is lost or doubled``
    ()
    : Task =
    seeded (fun random ->
        onNodes 30 (fun theatre -> task {
            // Whoever sleeps wakes before what it had begun to send is sent by others.
            let! nodes = startNodes 3 [ "BOT_UNKNOWN_WAIT_SECONDS", "8" ] theatre
            let nodes = nodes |> List.sortBy (fun _ -> random.Next())
            let sleeper, victim = nodes[0], nodes[1]
            // Each send takes a while, so that the nodes have something in hand at any moment.
            let! _ = whatsAppFaults """{"answerDelay": 150}""" theatre.Stage
            let talking = loadIn 0 (crowd 30) 2 3 theatre
            let after = random.Next(5, 60)

            do!
                eventually $"%d{after} answers" (fun () ->
                    Task.FromResult(if heardByAll theatre >= after then Some() else None))

            do! pausePastItsLease sleeper theatre
            closeTo sleeper theatre
            do! victim.Bot.Kill()
            closeTo victim theatre
            // In the middle of what the third one does it goes on with what it held then.
            do! wake sleeper
            openTo sleeper theatre
            let! first = talking
            let! second = loadIn 1 (crowd 30) 1 3 theatre
            do! Audit.look (first |> plus second) theatre
        }))

/// A webhook with one status of a message of the bot.
let private statusBody (message: WhatsApp.Message) (status: string) : byte[] =
    let number = WhatsApp.Settings.standard.PhoneNumberId
    let at = message.At.ToUnixTimeSeconds() + 5L

    let errors =
        if status = "failed" then
            ""","errors":[{"code":131026,"title":"Message undeliverable"}]"""
        else
            ""

    let callback = message.Callback |> Option.defaultValue ""

    Encoding.UTF8.GetBytes
        $"""{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"34910000000","phone_number_id":"%s{number}"}},"statuses":[{{"id":"%s{message.Id}","status":"%s{status}","timestamp":"%d{at}","biz_opaque_callback_data":"%s{callback}"%s{errors}}}]}}}}]}}]}}"""

/// Posts a webhook through the door.
let private delivers (body: byte[]) theatre : Task = task {
    let! answer = postWebhook (Some(sign appSecret body)) body theatre.Stage
    Assert.Equal(200, answer)
}

/// One node that takes a customer's words, and is paused while it does what follows from them; then another one
/// is started.
let private pausedWhile (doing: Node -> Theatre -> Task) (theatre: Theatre) = task {
    let! nodes = startNodes 1 [ "BOT_UNKNOWN_WAIT_SECONDS", "30" ] theatre
    let sleeper = nodes.Head
    do! doing sleeper theatre
    do! pause sleeper
    closeTo sleeper theatre
    let! other = startNodeOutside "v12.0" [ "BOT_UNKNOWN_WAIT_SECONDS", "30" ] theatre
    openTo other theatre
    return sleeper, other
}

/// The customer asks; the emulator takes the answer and keeps the node waiting for its own.
let private untilASendIsUnderWay (statuses: string) (_: Node) (theatre: Theatre) : Task = task {
    let faults = $"{{\"answerDelay\": 3000, \"statuses\": \"%s{statuses}\"}}"
    let! _ = whatsAppFaults faults theatre.Stage
    write "c0001" (question "c0001" 1) theatre
    let! _ = hear "c0001" 1 theatre
    return ()
}

let private withoutDelay theatre =
    whatsAppFaults """{"answerDelay": 0, "statuses": "in-order"}""" theatre.Stage

/// Waits until the lease of the paused node's send has run out, and the other node has found that out.
let private untilItIsParked theatre : Task = task {
    let! _ =
        theatre
        |> rowsUntil "the send to be parked" "SELECT 1 FROM bot.outbox WHERE state = 'unknown'"

    return ()
}

[<Fact>]
let ``a node that is paused during a send is overtaken by the status, and says nothing twice when it wakes``
    ()
    : Task =
    seeded (fun _ ->
        onNodes 2 (fun theatre -> task {
            let! sleeper, _ = theatre |> pausedWhile (untilASendIsUnderWay "dropped")
            do! untilItIsParked theatre
            let! _ = withoutDelay theatre
            let sent = heard "c0001" theatre |> List.last
            do! delivers (statusBody sent "sent") theatre

            let! ended =
                theatre
                |> rowsUntil
                    "the send to have ended"
                    "SELECT e.state FROM bot.command_end e JOIN bot.command c ON c.id = e.id WHERE c.kind = 'say'"

            Assert.Equal<string list list>([ [ "done" ] ], ended)
            do! wake sleeper
            openTo sleeper theatre
            let! more = together [ ask "c0001" 2 theatre; ask "c0002" 3 theatre ]
            do! Audit.look (answered "c0001" 1 |> plus more) theatre
        }))

[<Fact>]
let ``a send of a paused node is parked while nobody knows of it, and its late answer settles it`` () : Task =
    seeded (fun _ ->
        onNodes 1 (fun theatre -> task {
            let! sleeper, _ = theatre |> pausedWhile (untilASendIsUnderWay "dropped")
            do! untilItIsParked theatre
            let! _ = withoutDelay theatre
            do! wake sleeper
            let! more = ask "c0001" 2 theatre

            do! Audit.look (more |> plus (answered "c0001" 1)) theatre
        }))

[<Fact>]
let ``what a paused node did is not recorded once another has its lease, and there is one ticket`` () : Task =
    seeded (fun _ ->
        onNodes 1 (fun theatre -> task {
            let expected = ref nothing

            let untilTheTicketIsUnderWay (_: Node) (theatre: Theatre) : Task = task {
                let! shown, soFar = fillInTicket "c0001" theatre
                expected.Value <- soFar
                do! quiet theatre.Stage
                let! _ = odooFaults """{"slow_ms": 3000}""" theatre.Stage
                press "c0001" shown "confirm:" theatre

                let! _ =
                    theatre
                    |> rowsUntil
                        "the ticket to be under way"
                        "SELECT 1 FROM bot.outbox WHERE service = 'ticketing' AND state = 'running'"

                return ()
            }

            let! sleeper, other = theatre |> pausedWhile untilTheTicketIsUnderWay

            let! _ =
                theatre
                |> rowsUntil
                    "the other node to have the lease"
                    "SELECT 1 FROM bot.outbox WHERE service = 'ticketing' AND attempts = 2"

            // The other one holds the lease and does nothing with it, while the sleeper ends what it had begun.
            do! pause other
            closeTo other theatre
            let! _ = odooFaults """{"slow_ms": 0}""" theatre.Stage
            do! wake sleeper
            openTo sleeper theatre
            let! _ = hear "c0001" 5 theatre
            do! wake other
            openTo other theatre

            let confirmed = {
                Answers = Map [ "c0001", 1 ]
                Confirmed = Map [ "c0001", 1 ]
            }

            do! Audit.look (expected.Value |> plus confirmed) theatre

            let! attempts =
                theatre.Stage.Database.Cell
                    "SELECT e.attempts FROM bot.command_end e JOIN bot.command c ON c.id = e.id
                    WHERE c.kind = 'create-ticket'"

            // The first one's outcome did not count, nor the second one's: a third try found the ticket.
            Assert.Equal("3", attempts)
        }))

[<Fact>]
let ``nodes die at every point of the way, and the one that lives finishes everything`` () : Task =
    seeded (fun random ->
        onNodes 12 (fun theatre -> task {
            let milestones = [ "stored"; "decided"; "started:ask-assistant"; "ran:say"; "recorded:say" ]

            let! healthy = startNodeOutside "v10.0" [] theatre

            let! dying =
                Task.WhenAll [
                    for index, milestone in List.indexed milestones ->
                        startNodeOutside
                            $"v2%d{index}.0"
                            [
                                "BOT_CRASH_AT", $"%s{milestone}:%d{random.Next(1, 5)}"
                                "BOT_TEST_SWITCHES", "allowed"
                            ]
                            theatre
                ]

            for node in healthy :: List.ofArray dying do
                openTo node theatre

            let isOver () =
                dying |> Array.forall (fun node -> node.Bot.Process.HasExited)

            let expected = ref nothing
            let round = ref 0

            while not (isOver ()) && round.Value < 40 do
                round.Value <- round.Value + 1

                let! more =
                    together [
                        for index, customer in List.indexed (names (crowd 12)) do
                            if index % 4 = 0 && round.Value = 1 then
                                openTicket customer theatre
                            else
                                ask customer round.Value theatre
                    ]

                expected.Value <- expected.Value |> plus more

            for milestone, node in Seq.zip milestones dying do
                Assert.True(node.Bot.Process.HasExited, milestone + " was never reached.")
                Assert.Equal(137, node.Bot.Process.ExitCode)

            Assert.False healthy.Bot.Process.HasExited
            do! Audit.look expected.Value theatre
        }))

[<Fact>]
let ``webhooks and statuses that come twice, in disorder and to all nodes at once change nothing`` () : Task =
    seeded (fun _ ->
        onNodes 12 (fun theatre -> task {
            let! _ = startNodes 3 [] theatre
            theatre.Door.Policy.Value <- Door.all

            let! _ =
                whatsAppFaults
                    """{"duplicate": true, "statuses": "reversed", "shuffle": 6, "batchSize": 4}"""
                    theatre.Stage

            let! first = load (crowd 12) 2 3 theatre
            let! _ = whatsAppFaults """{"statuses": "doubled"}""" theatre.Stage
            let! second = together [ for customer in names (crowd 12) -> ask customer 9 theatre ]
            let expected = first |> plus second
            do! Audit.look expected theatre

            // What was delivered and read is said to have failed, twice, and to have been sent after that.
            let last = heard "c0002" theatre |> List.last

            for status in [ "failed"; "failed"; "sent"; "delivered"; "read"; "sent" ] do
                do! delivers (statusBody last status) theatre

            do! Audit.look expected theatre
            let! state = accounting theatre.Stage
            let ended = state.GetProperty "ended_by_state"
            Assert.True((ended.GetProperty "duplicate").GetInt64() > 100L)
        }))

[<Fact>]
let ``a thousand sessions at once are answered, and again`` () : Task =
    seeded (fun _ ->
        let customers = crowd 1000

        onNodes 1000 (fun theatre -> task {
            let! nodes = startNodes 3 [] theatre

            for round in 1..2 do
                // All have written before the first webhook is let in, and every connection of the emulator waits.
                theatre.Door.IsShut.Value <- true

                for customer in names customers do
                    write customer (question customer round) theatre

                do!
                    eventually "webhooks on all connections" (fun () ->
                        Task.FromResult(
                            if theatre.Door.Waiting.Value = connections then
                                Some()
                            else
                                None
                        ))

                theatre.Door.IsShut.Value <- false

                for customer in names customers do
                    let! answer = hear customer round theatre
                    Assert.Contains(question customer round, textOf answer)

            let! tickets =
                together [
                    for index, customer in List.indexed (names customers) do
                        if index % 50 = 0 then
                            openTicket customer theatre
                ]

            let twice =
                (tickets, names customers)
                ||> List.fold (fun all customer -> all |> plus (answered customer 2))

            do! Audit.look twice theatre

            for node in nodes do
                Assert.True(sentBy node theatre > 0, node.Name + " did nothing.")

            let! streams = theatre.Stage.Database.Cell "SELECT count(*) FROM mt_streams"
            Assert.Equal("1000", streams)
        }))

[<Fact>]
let ``a node that sleeps finds by itself what another has stored and cannot do`` () : Task =
    seeded (fun _ ->
        onNodes 1 (fun theatre -> task {
            let! _ = startNodes 1 [] theatre
            do! quiet theatre.Stage

            // The other node does no more than store.
            let other =
                PostgresStore.create
                    (Settings.ofConnectionString theatre.Stage.Database.ConnectionString)
                    FunctionalBot.Domain.Transition.evolve
                    (StoreFixture.worldOf (fun () -> DateTimeOffset.UtcNow))

            let nowhere = theatre.Door.Nodes.Value
            theatre.Door.Nodes.Value <- []
            write "c0001" (question "c0001" 1) theatre

            let! body =
                eventually "the webhook to be tried" (fun () ->
                    theatre.Stage.WhatsApp.Deliveries()
                    |> List.tryHead
                    |> Option.map (fun delivery -> Encoding.ASCII.GetBytes delivery.Body)
                    |> Task.FromResult)

            do!
                other.Port.Deliver [
                    {
                        Body = body
                        At = DateTimeOffset.UtcNow
                        Trace = None
                        Updates = WhatsAppInbound.read (ReadOnlyMemory body)
                    }
                ]

            let! _ = hear "c0001" 1 theatre
            theatre.Door.Nodes.Value <- nowhere

            do! Audit.look (answered "c0001" 1) theatre

            do! other.Close()
        }))
