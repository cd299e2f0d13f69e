/// Two business numbers in one process, against a scripted Graph API: each customer is answered from the number that he
/// wrote to, in its language and words, with its knowledge and its Odoo team.
module FunctionalBot.Tests.EndToEndNumbersTests

open System
open System.IO
open System.Text
open System.Text.Json
open System.Threading.Tasks
open Xunit
open FunctionalBot.Emulators.Json
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageLooks

/// Takes every message and remembers it; marks are answered too.
let private graph (asked: ScriptedServer.Asked) =
    if asked.Method = "POST" && asked.Path.EndsWith "/messages" then
        if asked.Body.Contains "\"status\":\"read\"" then
            ScriptedServer.json """{"success":true}"""
        else
            let id = Guid.NewGuid().ToString "N"
            ScriptedServer.json $"""{{"messages":[{{"id":"wamid.%s{id}"}}]}}"""
    else
        ScriptedServer.failure 404 """{"error":{"code":100,"message":"no such path"}}"""

/// What went out from a number to a customer, as the bodies say, oldest first.
let private heard (server: ScriptedServer.Server) (number: string) (phone: string) : string list =
    server.Asked()
    |> List.filter (fun asked ->
        asked.Path = $"/v25.0/%s{number}/messages"
        && not (asked.Body.Contains "\"status\":\"read\"")
        && asked.Body.Contains("\"to\":\"+" + phone + "\""))
    |> List.map _.Body

let private hearsFrom server number phone count : Task<string> =
    eventually $"message %d{count} from %s{number}" (fun () -> task {
        let all = heard server number phone
        return if all.Length >= count then Some all[count - 1] else None
    })

/// A customer of this phone writes to a number.
let private writesTo (number: string) (phone: string) (name: string) (words: string) stage : Task = task {
    let id = Guid.NewGuid().ToString "N"
    let seconds = DateTimeOffset.UtcNow.ToUnixTimeSeconds()
    let text = JsonSerializer.Serialize words

    let body =
        $"""{{"object":"whatsapp_business_account","entry":[{{"id":"900","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"34910000000","phone_number_id":"%s{number}"}},"contacts":[{{"profile":{{"name":"%s{name}"}},"wa_id":"%s{phone}"}}],"messages":[{{"from":"%s{phone}","id":"wamid.%s{id}","timestamp":"%d{seconds}","type":"text","text":{{"body":%s{text}}}}}]}}}}]}}]}}"""

    let bytes = Encoding.UTF8.GetBytes body
    let! status = postWebhook (Some(sign appSecret bytes)) bytes stage
    Assert.Equal(200, status)
}

let private ana = "34600111222"
let private bea = "34600111333"

let private settle (stage: Stage) (server: ScriptedServer.Server) third =
    let folder name =
        (Directory.CreateDirectory(Path.Combine(stage.Folder, name))).FullName

    File.WriteAllText(
        Path.Combine(folder "garden", "tulips.md"),
        "# Tulips\n\nTulip bulbs are planted in November, fifteen centimetres deep.\n"
    )

    File.WriteAllText(
        Path.Combine(folder "words", "en.json"),
        """{ "phrases": { "welcome-named": "Hello {name}, this is the green bot of {business}. Write \"person\" for the team." } }"""
    )

    let file = Path.Combine(stage.Folder, "numbers.json")

    let more =
        if third then
            """, { "id": "300", "name": "La Encina Tres", "contact": "c" }"""
        else
            ""

    File.WriteAllText(
        file,
        $"""[{{ "id": "100", "team": 1 }},
            {{ "id": "200", "name": "Encina Garden", "contact": "garden@example.com", "language": "en",
               "knowledge": "garden", "phrases": "words", "team": 2, "token_variable": "WHATSAPP_TOKEN_GARDEN" }}
            %s{more}]"""
    )

    {
        stage with
            Environment =
                stage.Environment
                |> Map.remove "WHATSAPP_PHONE_NUMBER_ID"
                |> Map.add "BOT_NUMBERS" file
                |> Map.add "WHATSAPP_TOKEN" "EAAB-first"
                |> Map.add "WHATSAPP_TOKEN_GARDEN" "EAAB-garden"
                |> Map.add "WHATSAPP_GRAPH_URL" (Uri(server.Address, "/v25.0").ToString())
    }

/// Plays on a stage whose bot speaks to this Graph API.
let private onGraph decide (play: Stage -> ScriptedServer.Server -> Task<unit>) : Task =
    onStage (fun stage -> task { do! ScriptedServer.using decide (fun server -> play stage server) })

let private contains (expected: string) (body: string) =
    Assert.Contains(expected, body, StringComparison.OrdinalIgnoreCase)

[<Fact>]
let ``each customer is answered from the number that he wrote to, and that number's team gets the ticket``
    ()
    =
    onGraph graph (fun stage server -> task {
        let stage = settle stage server false
        let! _ = startBot stage

        // The same customer, at both numbers at once.
        do! writesTo "100" ana "Ana" "¡Hola!" stage
        do! writesTo "200" ana "Ana" "hello" stage
        let! spanish = hearsFrom server "100" ana 1
        contains "Ferretería La Encina" spanish
        contains "asistente automático" spanish
        let! english = hearsFrom server "200" ana 1
        contains "Hello Ana, this is the green bot of Encina Garden" english

        // Nothing tells the language of this: the number's own is taken.
        do! writesTo "100" bea "Bea" "🌷🌷" stage
        do! writesTo "200" bea "Bea" "🌷🌷" stage
        let! spanish = hearsFrom server "100" bea 1
        contains "asistente automático" spanish
        let! english = hearsFrom server "200" bea 1
        Assert.DoesNotContain("asistente", english)
        contains "Encina Garden" english

        // What one number knows, the other does not.
        do! writesTo "200" ana "Ana" "When are tulip bulbs planted?" stage
        let! known = hearsFrom server "200" ana 2
        contains "November, fifteen centimetres" known
        do! writesTo "100" ana "Ana" "¿A qué hora abren los sábados?" stage
        let! hours = hearsFrom server "100" ana 2
        contains "sábado" hours

        // Who wants a person gets a ticket of the number's team.
        do! writesTo "100" ana "Ana" "quiero hablar con una persona" stage
        do! writesTo "200" ana "Ana" "I want to talk to a person" stage
        let! _ = hearsFrom server "100" ana 3
        let! _ = hearsFrom server "200" ana 3

        let! tickets =
            eventually "two tickets" (fun () ->
                let tickets = stage.Odoo.Tickets()
                Task.FromResult(if tickets.Length >= 2 then Some tickets else None))

        let teams =
            tickets
            |> List.map (fun ticket ->
                at [ "team_id" ] ticket |> Option.map write |> Option.defaultValue "none")

        Assert.Equal(2, teams.Length)
        Assert.Single(teams |> List.filter _.Contains("Soporte")) |> ignore
        Assert.Single(teams |> List.filter _.Contains("Ventas")) |> ignore

        // Each number spoke with its own token, and to nobody but those who wrote to it.
        for asked in server.Asked() do
            let token =
                if asked.Path.StartsWith "/v25.0/200/" then
                    "Bearer EAAB-garden"
                else
                    "Bearer EAAB-first"

            Assert.Equal(token, asked.Headers["authorization"])
    })

[<Fact>]
let ``a message to a number that is not set up is answered by nobody, and by that number once it is there``
    ()
    =
    onGraph graph (fun stage server -> task {
        let without = settle stage server false
        let! bot = startBot without
        do! writesTo "300" ana "Ana" "¡Hola!" stage

        let state = "SELECT coalesce(max(state || ': ' || reason), '') FROM bot.inbox_state"

        let! reason =
            eventually "the message to end" (fun () -> task {
                let! found = stage.Database.Cell state
                return if found.StartsWith "dead" then Some found else None
            })

        contains "whatsapp-300" reason
        Assert.Empty(server.Asked())
        let! code = bot.Stop()
        Assert.Equal(0, code)

        let! _ = startBot (settle stage server true)

        let! retried =
            BotRuns.bot [ "DATABASE_URL", stage.Database.ConnectionString ] [
                "inbound"
                "retry"
                "--all-dead"
                "--reason"
                "the number was added"
                "--yes"
            ]

        Assert.True((retried.Code = 0), retried.Talk)
        let! answer = hearsFrom server "300" ana 1
        contains "La Encina Tres" answer

        Assert.All(server.Asked(), (fun asked -> Assert.Equal("/v25.0/300/messages", asked.Path)))
    })

[<Fact>]
let ``a number without rights stops alone: the other one goes on answering`` () =
    let isMended = ref false

    let graph (asked: ScriptedServer.Asked) =
        if asked.Path.StartsWith "/v25.0/100/" && not isMended.Value then
            ScriptedServer.failure 400 """{"error":{"message":"no","type":"OAuthException","code":131045}}"""
        else
            graph asked

    onGraph graph (fun stage server -> task {
        let stage = settle stage server false
        let! _ = startBotWith [ "BOT_PROBE_SECONDS", "0.5" ] stage
        do! writesTo "100" ana "Ana" "¡Hola!" stage

        let! degraded =
            eventually "/readyz to tell of the number" (fun () -> task {
                let! _, body = get "/readyz" stage

                return
                    if body.Contains "whatsapp/number/100" then
                        Some body
                    else
                        None
            })

        contains "degraded" degraded
        do! writesTo "200" ana "Ana" "hello" stage
        let! english = hearsFrom server "200" ana 1
        contains "Encina Garden" english
        isMended.Value <- true

        let! spanish =
            eventually "the first number to go on" (fun () -> task {
                let greeting =
                    heard server "100" ana |> List.filter _.Contains("asistente automático")

                // The probe that was refused had the same words.
                let! waiting = stage.Database.Cell "SELECT count(*) FROM bot.outbox WHERE speaks"

                return
                    if waiting = "0" && not greeting.IsEmpty then
                        Some greeting
                    else
                        None
            })

        Assert.NotEmpty spanish
    })
