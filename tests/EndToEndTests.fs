/// The whole bot, from a customer's phone to a ticket and back.
module FunctionalBot.Tests.EndToEndTests

open System
open System.IO
open System.Text
open System.Threading.Tasks
open Xunit
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageCustomers
open FunctionalBot.Tests.StageLooks

let private contains (expected: string) (actual: string) =
    Assert.Contains(expected, actual, StringComparison.OrdinalIgnoreCase)

/// From a wish to the shown ticket; returns the message that shows it.
let private fillIn customer stage = task {
    let! before = said customer stage
    let count = before.Length
    do! writes customer "quiero abrir un ticket" stage
    let! _ = hears customer (count + 1) stage
    do! writes customer "La taladradora no enciende" stage
    let! _ = hears customer (count + 2) stage
    do! writes customer "La compré ayer & hace <ruido>; probé con otro enchufe." stage
    let! askEmail = hears customer (count + 3) stage
    do! presses customer askEmail "skip-email" stage
    return! hears customer (count + 4) stage
}

let private confirmOf (summary: Seen) =
    summary.Choices |> List.find (fun id -> id.StartsWith "confirm:")

[<Fact>]
let ``a whole conversation: greeting, answer, ticket with a wrong e-mail and a change of mind, number, goodbye``
    ()
    =
    onStage (fun stage -> task {
        let! _ = startBot stage
        do! writes "ana" "¡Hola!" stage
        let! welcome = hears "ana" 1 stage
        contains "Ana" welcome.Text
        contains "asistente automático" welcome.Text

        do! writes "ana" "¿A qué hora abren los sábados?" stage
        let! answer = hears "ana" 2 stage
        contains "sábado" answer.Text

        do! writes "ana" "quiero abrir un ticket" stage
        let! _ = hears "ana" 3 stage
        do! writes "ana" "La taladradora no enciende" stage
        let! _ = hears "ana" 4 stage
        do! writes "ana" "La compré ayer y no enciende." stage
        let! _ = hears "ana" 5 stage
        do! writes "ana" "ana arroba ejemplo punto com" stage
        let! wrong = hears "ana" 6 stage
        contains "correo" wrong.Text
        do! writes "ana" "ana@example.com" stage
        let! summary = hears "ana" 7 stage
        contains "La taladradora no enciende" summary.Text
        contains "ana@example.com" summary.Text

        do! presses "ana" summary "change" stage
        let! fields = hears "ana" 8 stage
        do! presses "ana" fields "change:title" stage
        let! _ = hears "ana" 9 stage
        do! writes "ana" "La taladradora echa humo" stage
        let! changed = hears "ana" 10 stage
        contains "La taladradora echa humo" changed.Text
        do! presses "ana" changed (confirmOf changed) stage
        let! created = hears "ana" 11 stage

        let! found = tickets stage
        let ticket = Assert.Single found
        Assert.Equal("La taladradora echa humo", ticket.Name)
        Assert.Equal("ana@example.com", ticket.Email)
        contains ticket.Number created.Text

        do! writes "ana" "no, gracias" stage
        let! _ = hears "ana" 12 stage
        do! quiet stage

        let! all = said "ana" stage
        Assert.Equal(12, all.Length)
    })

[<Fact>]
let ``a customer with a user id and no number is served to the ticket`` () =
    onStage (fun stage -> task {
        let! _ = startBot stage
        let! summary = fillIn "tomas" stage
        do! presses "tomas" summary (confirmOf summary) stage
        let! created = hears "tomas" 5 stage
        let! found = tickets stage
        let ticket = Assert.Single found
        contains ticket.Number created.Text
        contains "&lt;ruido&gt;" ticket.Description
    })

[<Fact>]
let ``a burst is answered once`` () =
    onStage (fun stage -> task {
        let! _ = startBotWith [ "BOT_QUIET_MS", "1500" ] stage

        for words in [ "hola"; "una pregunta"; "¿a qué hora abren los sábados?" ] do
            do! writes "ana" words stage

        let! answer = hears "ana" 1 stage
        contains "sábado" answer.Text
        do! quiet stage
        let! all = said "ana" stage
        Assert.Single all |> ignore
    })

[<Fact>]
let ``a voice note, an empty title, emoji and a 5,000 character title get a kind answer that asks again`` () =
    onStage (fun stage -> task {
        let! _ = startBot stage
        do! writes "ana" "abrir un ticket" stage
        let! _ = hears "ana" 1 stage
        do! sendsSample "ana" "voice" stage
        let! voice = hears "ana" 2 stage
        contains "Archivos que van con tu ticket: 1" voice.Text
        contains "título" voice.Text
        do! writes "ana" "😀😀" stage
        let! emoji = hears "ana" 3 stage
        contains "palabras" emoji.Text
        do! writesAtLength "ana" (String('a', 5000)) stage
        let! long = hears "ana" 4 stage
        contains "5000" (long.Text.Replace(".", "").Replace(",", ""))
        do! writes "ana" "La taladradora no enciende" stage
        let! _ = hears "ana" 5 stage
        return ()
    })

[<Fact>]
let ``a send without an answer is settled by its status, and one that is refused is sent again`` () =
    onStage (fun stage -> task {
        let! _ = startBot stage
        let! _ = whatsAppFaults """{"lostAnswer": 1}""" stage
        do! writes "ana" "hola" stage
        let! _ = hears "ana" 1 stage
        do! quiet stage
        let! once = said "ana" stage
        Assert.Single once |> ignore

        let! _ = whatsAppFaults """{"sendError": 2, "sendErrorCode": 130429}""" stage
        do! writes "ana" "ayuda" stage
        let! _ = hears "ana" 2 stage
        do! quiet stage
        let! twice = said "ana" stage
        Assert.Equal(2, twice.Length)
    })

[<Fact>]
let ``while Odoo is away the ticket is promised, and its number told when it is back`` () =
    onStage (fun stage -> task {
        let! _ = startBot stage
        let! summary = fillIn "ana" stage
        let! _ = odooFaults """{"down": true}""" stage
        do! presses "ana" summary (confirmOf summary) stage
        let! delayed = hears "ana" 5 stage
        contains "tardando" delayed.Text
        let! _ = odooFaults """{"down": false}""" stage
        let! created = hears "ana" 6 stage
        let! found = tickets stage
        contains (Assert.Single found).Number created.Text
    })

[<Fact>]
let ``with an API key that has ended the ticket waits, and is created once the key is right`` () =
    onStage (fun stage -> task {
        let! _ = startBot stage
        let! summary = fillIn "ana" stage
        let! _ = odooFaults """{"refuse_keys": true}""" stage
        do! presses "ana" summary (confirmOf summary) stage
        let! delayed = hears "ana" 5 stage
        contains "tardando" delayed.Text
        let! _ = odooFaults """{"refuse_keys": false}""" stage
        let! created = hears "ana" 6 stage
        let! found = tickets stage
        contains (Assert.Single found).Number created.Text
    })

[<Fact>]
let ``an answer of Odoo that is lost makes no twin`` () =
    onStage (fun stage -> task {
        let! _ = startBot stage
        let! summary = fillIn "ana" stage
        let! _ = odooFaults """{"lose_answers": 2}""" stage
        do! presses "ana" summary (confirmOf summary) stage

        let! _ =
            eventually "the number" (fun () -> task {
                let! all = said "ana" stage
                return all |> List.tryFind (fun message -> message.Text.Contains "HT0")
            })

        let! found = tickets stage
        Assert.Single found |> ignore
    })

[<Fact>]
let ``a stop finishes what is under way and ends with 0`` () =
    onStage (fun stage -> task {
        let! bot = startBot stage
        do! writes "ana" "hola" stage
        let! _ = hears "ana" 1 stage
        let! code = bot.Stop()
        Assert.Equal(0, code)
    })

[<Fact>]
let ``an idle session is closed with a friendly word, and the next message opens a new one`` () =
    onStage (fun stage -> task {
        let! _ = startBotWith [ "BOT_IDLE_MINUTES", "0.05" ] stage
        do! writes "ana" "hola" stage
        let! _ = hears "ana" 1 stage
        let! farewell = hears "ana" 2 stage
        contains "cierro esta conversación" farewell.Text
        do! writes "ana" "¿A qué hora abren los sábados?" stage
        let! answer = hears "ana" 3 stage
        contains "sábado" answer.Text
        let! streams = stage.Database.Cell "SELECT count(*) FROM mt_streams"
        Assert.Equal("2", streams)
    })

[<Fact>]
let ``logs hold no number, no name and no word of the customer`` () =
    onStage (fun stage -> task {
        let! bot = startBot stage
        let! _ = whatsAppFaults """{"sendError": 1, "sendErrorCode": 131000}""" stage
        do! writes "ana" "mi secreto es girasol" stage
        let! _ = hears "ana" 1 stage
        let! _ = bot.Stop()

        let files =
            Directory.GetFiles(Path.Combine(stage.Folder, "logs"))
            |> Array.map File.ReadAllText
            |> String.concat "\n"

        Assert.NotEqual<string>("", files)

        for personal in [ "34600111222"; "ES.13491208655302741918"; "girasol"; "Ana Ríos"; appSecret ] do
            Assert.DoesNotContain(personal, files)
            Assert.DoesNotContain(personal, bot.Output)
    })

[<Fact>]
let ``the handshake gives the challenge back for the agreed token only`` () =
    onStage (fun stage -> task {
        let! _ = startBot stage
        let! verified = stage.WhatsApp.Verify()
        Assert.Equal(Ok(), verified)

        let! status, _ =
            get "/webhook?hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1" stage

        Assert.Equal(403, status)
    })

[<Fact>]
let ``wrong signatures, broken JSON and bodies over the limit each get their answer`` () =
    onStage (fun stage -> task {
        let! _ = startBot stage
        let broken = Encoding.UTF8.GetBytes "{\"entry\": [ this is not JSON"
        let! unsigned = postWebhook None broken stage
        Assert.Equal(401, unsigned)
        let! forged = postWebhook (Some(sign "another secret" broken)) broken stage
        Assert.Equal(401, forged)
        let! stored = stage.Database.Cell "SELECT count(*) FROM bot.webhook"
        Assert.Equal("0", stored)

        let! accepted = postWebhook (Some(sign appSecret broken)) broken stage
        Assert.Equal(200, accepted)

        let! kept =
            stage.Database.Rows "SELECT ended, reason FROM bot.inbox WHERE source = 'webhook'"

        match kept with
        | [ [ "dead"; reason ] ] -> Assert.NotEqual<string>("", reason)
        | other -> failwith $"%A{other}"

        let large = Array.create (3 * 1024 * 1024 + 1) (byte ' ')
        let! tooLarge = postWebhook (Some(sign appSecret large)) large stage
        Assert.Equal(413, tooLarge)

        let! state = accounting stage
        Assert.Equal(2L, (state.GetProperty "rejected_signatures").GetInt64())
        Assert.Equal(0L, (state.GetProperty "unaccounted").GetInt64())
    })
