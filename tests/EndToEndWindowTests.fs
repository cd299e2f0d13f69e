/// The whole bot and the 24 hours after a customer's last message: what is said too late waits for the customer.
module FunctionalBot.Tests.EndToEndWindowTests

open System
open System.Text.Json
open System.Threading.Tasks
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageCustomers
open FunctionalBot.Tests.StageLooks

let private counted stage state expected =
    eventually $"%d{expected} messages to stand as %s{state}" (fun () -> task {
        let! count =
            stage.Database.Cell $"SELECT count(*) FROM bot.outbox WHERE speaks AND state = '%s{state}'"

        return if count = string expected then Some() else None
    })

/// Moves the emulator's clock by 25 hours.
let private dayPasses stage : Task = task {
    use client = new Net.Http.HttpClient()

    use body =
        new Net.Http.StringContent("""{"advance": 90000}""", Text.Encoding.UTF8, "application/json")

    use! answer = client.PostAsync(Uri(stage.WhatsApp.Address, "/_emulator/clock"), body)
    Assert.True answer.IsSuccessStatusCode
}

/// What a customer can read: what a status refused never arrived.
let private read customer stage = task {
    let! all = said customer stage
    return all |> List.filter (fun message -> message.Status <> "failed")
}

let private reads customer count stage =
    eventually $"%s{customer} to have %d{count} messages" (fun () -> task {
        let! all = read customer stage
        return if all.Length >= count then Some all else None
    })

/// Two questions are asked while nothing can be sent; a day later it can.
let private saidTooLateWith settings stage = task {
    let! _ =
        startBotWith ([ "BOT_PROBE_SECONDS", "0.5"; "BOT_QUIET_MS", "0" ] @ settings) stage

    do! writes "ana" "hola" stage
    let! _ = hears "ana" 1 stage
    do! quiet stage
    let! _ = whatsAppFaults """{"sendError": true, "sendErrorCode": 190}""" stage
    do! writes "ana" "¿A qué hora abren los sábados?" stage
    do! counted stage "ready" 1
    do! writes "ana" "¿Cuánto cuesta el envío?" stage
    do! counted stage "ready" 2
    do! dayPasses stage
}

let private saidTooLate stage = saidTooLateWith [] stage

let private listed stage = task {
    let! code, output =
        verb stage.Environment stage [ "outbox"; "list"; "--state"; "waiting"; "--json" ]

    Assert.Equal(0, code)
    use document = JsonDocument.Parse output
    let commands = document.RootElement.GetProperty "commands"

    return [
        for command in commands.EnumerateArray() ->
            (command.GetProperty "state").ToString(), (command.GetProperty "wake").ValueKind
    ]
}

/// Both questions are answered in their order when the customer writes, and then what was written.
let private goesOutInOrder stage : Task = task {
    do! writes "ana" "ayuda" stage
    let! all = reads "ana" 4 stage
    do! quiet stage
    Assert.Contains("sábado", all[1].Text, StringComparison.OrdinalIgnoreCase)
    Assert.Contains("envío", all[2].Text, StringComparison.OrdinalIgnoreCase)
    let! all = read "ana" stage
    Assert.Equal(4, all.Length)
    do! counted stage "waiting" 0
    let! state = accounting stage
    Assert.Equal(0L, (state.GetProperty "unaccounted").GetInt64())
}

[<Fact>]
let ``what WhatsApp refuses as too late waits, operators see it, and it goes out when the customer writes``
    ()
    =
    onStage (fun stage -> task {
        do! saidTooLate stage
        let! _ = whatsAppFaults """{"sendError": false}""" stage
        do! counted stage "waiting" 2
        let! state = accounting stage
        Assert.Equal(2L, ((state.GetProperty "commands").GetProperty "waiting").GetInt64())
        let! found = listed stage
        Assert.Equal<(string * JsonValueKind) list>(List.replicate 2 ("waiting", JsonValueKind.Null), found)
        do! goesOutInOrder stage
    })

[<Fact>]
let ``what WhatsApp accepts and refuses by a status waits too, and nobody is told of a loss`` () =
    onStage (fun stage -> task {
        do! saidTooLate stage
        let! _ = whatsAppFaults """{"sendError": false, "lateByStatus": true}""" stage
        // The first is accepted, the second goes out before anybody knows better, or waits behind the first.
        do! counted stage "waiting" 2
        do! goesOutInOrder stage

        let! facts =
            stage.Database.Cell "SELECT count(*) FROM mt_events WHERE type = 'delivery_failed'"

        Assert.Equal("0", facts)
    })

let private templates stage =
    stage.WhatsApp.Conversations.Thread "ana"
    |> List.choose (fun message ->
        Json.textAt [ "template"; "language"; "code" ] message.Content
        |> Option.map (fun code ->
            code,
            (message.Callback |> Option.defaultValue "").EndsWith("/template", StringComparison.Ordinal)))

let private lateTemplate = [
    "BOT_LATE_TEMPLATE", "te_escribimos"
    "BOT_LATE_TEMPLATE_LANGUAGES", "en_US, es"
]

/// What Meta has approved of.
let private approved (settings: WhatsApp.Settings) =
    let template: WhatsApp.Template = {
        Name = "te_escribimos"
        Language = "es"
        Body = "Tenemos una respuesta para ti. Escríbenos y te la damos."
        QuickReplies = []
    }

    {
        settings with
            Templates = template :: settings.Templates
    }

[<Fact>]
let ``a template asks the customer once to write, and what waited goes out when it is answered`` () : Task =
    task {
        let! database = StoreFixture.createDatabase ()

        do!
            onStageWith approved database (fun stage -> task {
                do! saidTooLateWith lateTemplate stage
                let! _ = whatsAppFaults """{"sendError": false}""" stage
                do! counted stage "waiting" 2
                let! _ = reads "ana" 2 stage
                Assert.Equal<(string * bool) list>([ "es", true ], templates stage)
                do! writes "ana" "ayuda" stage
                let! all = reads "ana" 5 stage
                do! quiet stage
                Assert.Contains("sábado", all[2].Text, StringComparison.OrdinalIgnoreCase)
                Assert.Contains("envío", all[3].Text, StringComparison.OrdinalIgnoreCase)
                do! counted stage "waiting" 0
                Assert.Equal(1, (templates stage).Length)
            })
    }

[<Fact>]
let ``a template that Meta does not know is told to operators, and the messages wait`` () =
    onStage (fun stage -> task {
        do! saidTooLateWith lateTemplate stage
        let! _ = whatsAppFaults """{"sendError": false}""" stage
        do! counted stage "waiting" 2

        let! reason =
            stage.Database.Cell "SELECT reason FROM bot.outbox WHERE state = 'waiting' ORDER BY id LIMIT 1"

        Assert.Contains("132001", reason)

        let! states =
            stage.Database.Cell "SELECT reason FROM bot.service_state WHERE state = 'warned'"

        Assert.Contains("the template does not exist in this language", states)
        do! goesOutInOrder stage
    })

[<Fact>]
let ``the doctor looks whether Meta has approved of the template in each of its languages`` () : Task = task {
    let! database = StoreFixture.createDatabase ()

    do!
        onStageWith approved database (fun stage -> task {
            for languages, expected in [ "en_US, es", (1, false); "es", (0, true) ] do
                let environment =
                    stage.Environment
                    |> Map.add "BOT_LATE_TEMPLATE" "te_escribimos"
                    |> Map.add "BOT_LATE_TEMPLATE_LANGUAGES" languages

                let! code, checks = doctor environment stage
                Assert.Equal((languages, expected), (languages, (code, checks["template"])))
        })
}
