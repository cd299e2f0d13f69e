/// Customers' files through the whole bot: from the telephone into the ticket at the desk, with exactly their bytes.
module FunctionalBot.Tests.EndToEndFilesTests

open System
open System.IO
open System.Net.Http
open System.Net.Http.Headers
open System.Text.Json
open System.Threading.Tasks
open Xunit
open FunctionalBot.Emulators.WhatsApp
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageCustomers
open FunctionalBot.Tests.StageLooks

/// What the desk page shows of the newest ticket's attachments: names and bytes, in the order of their names.
let private attachments stage : Task<(string * byte[]) list> = task {
    let! body = client.GetStringAsync(Uri(stage.Odoo.Address, "/desk/tickets"))
    use document = JsonDocument.Parse body
    let shown = ResizeArray()

    match List.ofSeq ((document.RootElement.GetProperty "tickets").EnumerateArray()) with
    | [] -> ()
    | ticket :: _ ->
        for attachment in (ticket.GetProperty "attachments").EnumerateArray() do
            let id = (attachment.GetProperty "id").GetInt64()

            let! bytes =
                client.GetByteArrayAsync(Uri(stage.Odoo.Address, $"/desk/attachments/%d{id}"))

            shown.Add(string ((attachment.GetProperty "name").GetString()), bytes)

    return shown |> List.ofSeq |> List.sortBy fst
}

let private attached count stage =
    eventually $"%d{count} attachments" (fun () -> task {
        let! shown = attachments stage
        return if shown.Length >= count then Some shown else None
    })

/// The customer sends a file of these bytes, as WhatsApp's telephones would call it.
let private sendsFile (customer: string) (contentType: string) (bytes: byte[]) stage : Task = task {
    use content = new ByteArrayContent(bytes)
    content.Headers.ContentType <- MediaTypeHeaderValue contentType
    let address = Uri(stage.WhatsApp.Address, $"/_emulator/media?customer=%s{customer}")
    use! answer = client.PostAsync(address, content)
    answer.EnsureSuccessStatusCode() |> ignore
}

/// Waits for a message of the bot that holds the words, and gives it.
let private hearsOf (customer: string) (words: string) stage =
    eventually $"a message with '%s{words}'" (fun () -> task {
        let! all = said customer stage

        return
            all
            |> List.tryFindBack (fun one -> one.Text.Contains(words, StringComparison.OrdinalIgnoreCase))
    })

let private keptFiles stage =
    Directory.GetFiles(Path.Combine(stage.Folder, "media"), "*", SearchOption.AllDirectories)

let private uses count stage =
    eventually $"%d{count} uses of files" (fun () -> task {
        let! rows =
            stage.Database.Cell "SELECT count(*) FROM bot.file_use u JOIN bot.file f ON f.hash = u.hash"

        return if rows = string<int> count then Some() else None
    })

[<Fact>]
let ``a photo and a voice note of the ticket's dialogue are attached with exactly their bytes, kept once``
    ()
    =
    onStage (fun stage -> task {
        let! _ = startBot stage
        do! writes "ana" "abrir un ticket" stage
        let! _ = hears "ana" 1 stage
        do! sendsSample "ana" "photo" stage
        let! _ = hears "ana" 2 stage
        do! writes "ana" "La taladradora no enciende" stage
        let! _ = hears "ana" 3 stage
        do! sendsSample "ana" "voice" stage
        let! _ = hears "ana" 4 stage
        do! writes "ana" "La compré ayer y no enciende." stage
        let! askEmail = hears "ana" 5 stage
        do! presses "ana" askEmail "skip-email" stage
        let! summary = hears "ana" 6 stage
        let confirm = summary.Choices |> List.find (fun id -> id.StartsWith "confirm:")
        do! presses "ana" summary confirm stage
        let! shown = attached 2 stage

        Assert.Equal<byte[] list>(
            [ SampleMedia.photo.Value.Bytes; SampleMedia.voice.Value.Bytes ],
            shown |> List.map snd
        )

        Assert.StartsWith("imagen-", fst shown[0])
        Assert.EndsWith(".png", fst shown[0])
        Assert.EndsWith(".ogg", fst shown[1])
        do! quiet stage
        Assert.Equal(2, (keptFiles stage).Length)
        do! uses 2 stage

        // The same photo again is one more use of the same file.
        do! sendsSample "ana" "photo" stage
        do! uses 3 stage
        Assert.Equal(2, (keptFiles stage).Length)
    })

[<Fact>]
let ``a program that is called a photo, and a file that the scanner finds infected, are told and not kept``
    ()
    =
    onStage (fun stage -> task {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The scanner of this test is a program of Unix.")
        let program = snd FileSamples.runnable.Head
        let! _ = startBotWith [ "BOT_SCAN_COMMAND", "false" ] stage
        do! sendsFile "ana" "image/jpeg" program stage
        let! refused = hearsOf "ana" "no acepto archivos de ese tipo" stage
        Assert.NotEmpty refused.Text
        do! sendsSample "tomas" "photo" stage
        let! infected = hearsOf "tomas" "no pasó el control de seguridad" stage
        Assert.NotEmpty infected.Text
        do! quiet stage
        Assert.Empty(keptFiles stage)
        let! rows = stage.Database.Cell "SELECT count(*) FROM bot.file_use"
        Assert.Equal("0", rows)
    })
