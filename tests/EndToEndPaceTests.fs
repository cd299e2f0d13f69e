/// The whole bot while WhatsApp refuses everything, and within its limits.
module FunctionalBot.Tests.EndToEndPaceTests

open System
open System.IO
open System.Text.Json
open System.Threading.Tasks
open Xunit
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageCustomers
open FunctionalBot.Tests.StageLooks

let private statusOf stage = task {
    let! code, body = get "/readyz" stage
    Assert.Equal(200, code)
    use document = JsonDocument.Parse body
    return (document.RootElement.GetProperty "status").GetString(), body
}

let private becomes (status: string) stage =
    eventually $"/readyz to say %s{status}" (fun () -> task {
        let! found, body = statusOf stage
        return if found = status then Some body else None
    })

[<Fact>]
let ``with a dead token messages wait, and when it is replaced everything goes out once and in order`` () =
    onStage (fun stage -> task {
        let! bot = startBotWith [ "BOT_PROBE_SECONDS", "0.5" ] stage
        do! writes "ana" "hola" stage
        let! _ = hears "ana" 1 stage
        do! quiet stage
        let! _ = whatsAppFaults """{"sendError": true, "sendErrorCode": 190}""" stage
        do! writes "ana" "¿A qué hora abren los sábados?" stage

        let! reason = becomes "degraded" stage
        Assert.Contains("whatsapp is stopped", reason)
        Assert.Contains("WHATSAPP_TOKEN", reason)

        // The bot goes on taking in and deciding; what it would say waits.
        do! writes "tomas" "hola" stage

        let counted sql expected =
            eventually $"%s{sql} to be %s{expected}" (fun () -> task {
                let! count = stage.Database.Cell sql
                return if count = expected then Some() else None
            })

        let waiting =
            "SELECT count(*) FROM bot.outbox WHERE service = 'messaging' AND speaks"

        do! counted waiting "2"
        do! writes "ana" "¿Cuánto cuesta el envío?" stage
        do! counted waiting "3"
        // Some probes have failed, and no try was counted for what waited.
        do! counted "SELECT (max(put_off) >= 3)::text FROM bot.outbox" "true"

        let! tries =
            stage.Database.Cell "SELECT max(attempts - put_off) FROM bot.outbox WHERE speaks"

        Assert.True(int tries <= 1, $"%s{tries} tries counted")

        let! _ = whatsAppFaults """{"sendError": false}""" stage
        let! second = hears "ana" 2 stage
        let! third = hears "ana" 3 stage
        let! _ = hears "tomas" 1 stage
        Assert.Contains("sábado", second.Text)
        Assert.Contains("envío", third.Text)
        let! _ = becomes "ready" stage
        do! quiet stage

        for customer, count in [ "ana", 3; "tomas", 1 ] do
            let! all = said customer stage
            Assert.Equal((customer, count), (customer, all.Length))

        let dead = "SELECT count(*) FROM bot.command_end WHERE state = 'dead'"
        let! given = stage.Database.Cell dead
        Assert.Equal("0", given)

        // The alarm is one line.
        let alarms =
            bot.Output.Split "whatsapp is stopped until somebody acts" |> Array.length

        Assert.Equal(2, alarms)
    })

[<Fact>]
let ``a revoked token stops everything, and when its file is replaced the queue goes out without a restart``
    ()
    =
    onStage (fun stage -> task {
        let file = Path.Combine(stage.Folder, "token")
        let revoked = stage.Environment["WHATSAPP_TOKEN"]
        File.WriteAllText(file, revoked + "\n")

        let withFile = {
            stage with
                Environment =
                    stage.Environment
                    |> Map.remove "WHATSAPP_TOKEN"
                    |> Map.add "WHATSAPP_TOKEN_FILE" file
        }

        // Probes alone would take an hour: that it goes on is the file's doing.
        let! bot = startBotWith [ "BOT_PROBE_SECONDS", "3600" ] withFile
        do! writes "ana" "hola" stage
        let! _ = hears "ana" 1 stage
        do! quiet stage
        let! _ = whatsAppFaults """{"accessToken": "the-next-token"}""" stage
        do! writes "ana" "¿A qué hora abren los sábados?" stage
        let! reason = becomes "degraded" stage
        Assert.Contains("WHATSAPP_TOKEN_FILE", reason)
        do! writes "tomas" "hola" stage

        let waits count =
            eventually $"%s{count} messages to wait" (fun () -> task {
                let! found =
                    stage.Database.Cell
                        "SELECT count(*) FROM bot.outbox WHERE service = 'messaging' AND speaks"

                return if found = count then Some() else None
            })

        do! waits "2"
        do! writes "ana" "¿Cuánto cuesta el envío?" stage
        do! waits "3"
        File.WriteAllText(file, "the-next-token")
        let! second = hears "ana" 2 stage
        let! third = hears "ana" 3 stage
        let! _ = hears "tomas" 1 stage
        Assert.Contains("sábado", second.Text)
        Assert.Contains("envío", third.Text)
        let! _ = becomes "ready" stage
        do! quiet stage

        for customer, count in [ "ana", 3; "tomas", 1 ] do
            let! all = said customer stage
            Assert.Equal((customer, count), (customer, all.Length))

        Assert.False bot.Process.HasExited
        Assert.Contains("token was replaced", bot.Output)
        Assert.DoesNotContain("the-next-token", bot.Output)
    })

[<Fact>]
let ``a restart with a token that works sends what waits at once`` () =
    onStage (fun stage -> task {
        let! first = startBotWith [ "BOT_PROBE_SECONDS", "3600" ] stage
        let! _ = whatsAppFaults """{"sendError": true, "sendErrorCode": 190}""" stage
        do! writes "ana" "hola" stage
        let! _ = becomes "degraded" stage
        let! code = first.Stop()
        Assert.Equal(0, code)
        let! _ = whatsAppFaults """{"sendError": false}""" stage
        let! _ = startBotWith [ "BOT_PROBE_SECONDS", "3600" ] stage
        let! _ = hears "ana" 1 stage
        let! _ = becomes "ready" stage
        do! quiet stage
        let! all = said "ana" stage
        Assert.Single all |> ignore
    })

[<Fact>]
let ``a locked account is told by readyz and by doctor`` () =
    onStage (fun stage -> task {
        let! _ = startBotWith [ "BOT_PROBE_SECONDS", "60" ] stage
        let! _ = whatsAppFaults """{"sendError": true, "sendErrorCode": 131031}""" stage
        do! writes "ana" "hola" stage
        let! reason = becomes "degraded" stage
        Assert.Contains("131031", reason)
        let doctor = launch stage.Environment stage.Folder [ "doctor"; "--json" ]
        do! doctor.Process.WaitForExitAsync()
        doctor.Process.WaitForExit()
        Assert.Equal(1, doctor.Process.ExitCode)
        Assert.Contains("the account is locked", doctor.Output)
    })

[<Fact>]
let ``a message over the limit of a customer goes out when its slot comes`` () =
    onStage (fun stage -> task {
        let! _ =
            startBotWith [ "BOT_PAIR_SECONDS", "3"; "BOT_PAIR_BURST", "1"; "BOT_QUIET_MS", "0" ] stage

        // Three seconds are more than is waited for in place: the message is put off and comes back.
        for count, words in
            List.indexed [ "hola"; "¿A qué hora abren los sábados?"; "¿Cuánto cuesta el envío?" ] do
            do! writes "ana" words stage
            let! _ = hears "ana" (count + 1) stage
            ()

        do! quiet stage

        let! refused =
            stage.Database.Cell "SELECT count(*) FROM bot.command_end WHERE state = 'dead'"

        Assert.Equal("0", refused)
        // The emulator would have refused none of three: that they are told apart is the bot's own doing.
        let! nearest =
            stage.Database.Cell
                "SELECT min(gap) > 2 FROM (
                    SELECT extract(epoch FROM e.at - lag(e.at) OVER (ORDER BY e.at)) AS gap
                    FROM bot.command_end e JOIN bot.command c ON c.id = e.id WHERE c.kind = 'say') gaps"

        Assert.Equal("True", nearest)
    })
