/// What can be seen of the stage: Odoo's tickets, the bot's accounting and its door.
module FunctionalBot.Tests.StageLooks

open System
open System.Net.Http
open System.Security.Cryptography
open System.Text
open System.Text.Json
open System.Threading.Tasks
open FunctionalBot.Tests.Stage

/// A ticket as Odoo's emulator holds it.
type SeenTicket = {
    Number: string
    Name: string
    Description: string
    Email: string
}

/// All tickets, oldest first.
let tickets stage : Task<SeenTicket list> = task {
    let! body = client.GetStringAsync(Uri(stage.Odoo.Address, "/_emulator/tickets"))
    use document = JsonDocument.Parse body

    return [
        for ticket in document.RootElement.EnumerateArray() do
            let field name =
                textAt ticket [ name ] |> Option.defaultValue ""

            {
                Number = field "number"
                Name = field "name"
                Description = field "description"
                Email = field "partner_email"
            }
    ]
}

/// The bot's own accounting, as /readyz tells it.
let accounting stage : Task<JsonElement> = task {
    let! body = client.GetStringAsync(Uri(stage.BotAddress, "/readyz"))
    return (JsonDocument.Parse body).RootElement
}

/// Waits until everything that was received has ended and no command is open.
let quiet stage : Task =
    eventually "everything to be done" (fun () -> task {
        let! state = accounting stage
        let number (name: string) = (state.GetProperty name).GetInt64()

        let openCommands =
            [ "ready"; "running"; "unknown" ]
            |> List.sumBy (fun name ->
                match (state.GetProperty "commands").TryGetProperty name with
                | true, count -> count.GetInt64()
                | _ -> 0L)

        let delivered = stage.WhatsApp.Pending() = 0

        return
            if
                delivered
                && number "pending" = 0L
                && openCommands = 0L
                && number "unaccounted" = 0L
            then
                Some()
            else
                None
    })
    :> Task

/// Signs a body as Meta does.
let sign (secret: string) (body: byte[]) =
    "sha256="
    + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes secret, body))

/// Posts raw bytes to the webhook, and gives the status.
let postWebhook (signature: string option) (body: byte[]) stage : Task<int> = task {
    use request =
        new HttpRequestMessage(HttpMethod.Post, Uri(stage.BotAddress, "/webhook"))

    request.Content <- new ByteArrayContent(body)
    // A body that is turned away for its size is not sent: the connection would be closed in the middle of it.
    request.Headers.ExpectContinue <- Nullable(body.Length > 1_000_000)

    match signature with
    | Some header -> request.Headers.TryAddWithoutValidation("X-Hub-Signature-256", header) |> ignore
    | None -> ()

    use! response = client.SendAsync request
    return int response.StatusCode
}

/// Gets a path of the bot: status and body.
let get (path: string) stage : Task<int * string> = task {
    use! response = client.GetAsync(Uri(stage.BotAddress, path))
    let! body = response.Content.ReadAsStringAsync()
    return int response.StatusCode, body
}

/// What a verb says, and its exit code.
let verb environment stage words : Task<int * string> = task {
    let bot = launch environment stage.Folder words
    do! bot.Process.WaitForExitAsync()
    // The output is complete only after this second wait.
    bot.Process.WaitForExit()
    return bot.Process.ExitCode, bot.Output
}

/// The exit code of the doctor, and which of its checks are fine.
let doctor environment stage : Task<int * Map<string, bool>> = task {
    let! code, output = verb environment stage [ "doctor"; "--json" ]
    use document = JsonDocument.Parse output

    let checks =
        Map [
            for check in (document.RootElement.GetProperty "checks").EnumerateArray() ->
                string (check.GetProperty "name"), (check.GetProperty "ok").GetBoolean()
        ]

    return code, checks
}
