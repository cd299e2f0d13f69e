/// Files on their way into tickets: exactly once, exactly their bytes, never in memory whole, and what people see of
/// them at the emulated desk.
module FunctionalBot.Tests.OdooAttachmentTests

open System
open System.IO
open System.Net.Http
open System.Security.Cryptography
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.AspNetCore.Http
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.OdooAdapter
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo
open FunctionalBot.Tests.EmulatedOdoo

let private none = CancellationToken.None

[<Fact>]
let ``files are attached once each with their bytes, by JSON-2`` () =
    withEmulator id (fun _ settings -> OdooScenes.attachFiles settings)

[<Fact>]
let ``files are attached once each with their bytes, by JSON-RPC`` () : Task = task {
    for number in [ 14; 17; 18 ] do
        do! withEmulator (version number) (fun _ settings -> OdooScenes.attachFiles settings)
}

[<Fact>]
let ``files are attached where there is no field for the key, and in Enterprise's shape`` () : Task = task {
    let enterprise settings = { settings with Helpdesk = Enterprise }
    let bare settings = { settings with TicketFields = [] }
    do! withEmulator bare (fun _ settings -> OdooScenes.attachFiles settings)
    do! withEmulator enterprise (fun _ settings -> OdooScenes.attachFiles settings)
}

/// A ticket, and the port that made it.
let private withTicket (test: OdooEmulator.Emulator -> TicketsPort -> Customer -> Task) : Task =
    withEmulator id (fun emulator settings -> task {
        use client = OdooScenes.client ()
        let port = Odoo.create settings client
        let customer = OdooScenes.newCustomer ()
        let ticket = OdooScenes.ticketOf Support "Prueba" None

        let! created =
            port.Create (OdooScenes.keyOf customer 2L) ticket customer Spanish none

        Assert.True(Result.isOk created)
        do! test emulator port customer
    })

let private created (emulator: OdooEmulator.Emulator) =
    emulator.Requests()
    |> List.filter (fun entry -> entry.Operation.EndsWith "ir.attachment/create")

[<Fact>]
let ``a lost answer is tried again and leaves one attachment`` () =
    withTicket (fun emulator port customer -> task {
        let bytes = FileSamples.jpeg
        let file = OdooScenes.fileOf "foto.jpg" "image/jpeg" bytes

        let attach () =
            port.Attach
                (OdooScenes.keyOf customer 3L)
                (OdooScenes.keyOf customer 2L)
                file
                (OdooScenes.opened bytes)
                none

        emulator.SetFaults { Faults.none with LoseAnswers = 1 }

        match! attach () with
        | Error(TryAgain _) -> ()
        | other -> failwith $"%A{other}"

        let! again = attach ()
        Assert.Equal(Ok(), again)
        Assert.Single(created emulator) |> ignore
    })

[<Fact>]
let ``a file that is gone, or not whole, is told and not sent`` () =
    withTicket (fun emulator port customer -> task {
        let file = OdooScenes.fileOf "foto.jpg" "image/jpeg" FileSamples.jpeg

        let gone (_: CancellationToken) : Task<Stream option> = Task.FromResult None

        for openFile in [ gone; OdooScenes.opened (Array.truncate 10 FileSamples.jpeg) ] do
            match!
                port.Attach (OdooScenes.keyOf customer 3L) (OdooScenes.keyOf customer 2L) file openFile none
            with
            | Error(WillNotDo reason) -> Assert.Contains("not kept any more", reason)
            | other -> failwith $"%A{other}"

        Assert.Empty(created emulator)
    })

[<Fact>]
let ``a file that cannot be read now is worth another try`` () =
    withTicket (fun emulator port customer -> task {
        let file = OdooScenes.fileOf "foto.jpg" "image/jpeg" FileSamples.jpeg

        let away (_: CancellationToken) : Task<Stream option> =
            Task.FromException<Stream option>(IOException "the share is away")

        match! port.Attach (OdooScenes.keyOf customer 3L) (OdooScenes.keyOf customer 2L) file away none with
        | Error(TryAgain(_, reason)) -> Assert.Contains("BOT_FILES", reason)
        | other -> failwith $"%A{other}"

        Assert.Empty(created emulator)
    })

[<Fact>]
let ``a proxy that lets no large body through is named`` () =
    withTicket (fun emulator port customer -> task {
        let file = OdooScenes.fileOf "foto.jpg" "image/jpeg" FileSamples.jpeg
        let key = OdooScenes.keyOf customer 3L
        let creation = OdooScenes.keyOf customer 2L
        // Fields, ticket and attachment are looked for first; the fault is for what comes then.
        let! _ = port.Attach key creation file (OdooScenes.opened FileSamples.jpeg) none

        emulator.SetFaults {
            Faults.none with
                FailCount = 1
                FailStatus = 413
        }

        match!
            port.Attach { key with Ordinal = 1 } creation file (OdooScenes.opened FileSamples.jpeg) none
        with
        | Error(WillNotDo reason) -> Assert.Contains("413", reason)
        | other -> failwith $"%A{other}"
    })

// ---------------------------------------------------------------------------------------------------------------
// The desk

[<Fact>]
let ``the desk shows a ticket's attachments and gives exactly their bytes, which no browser runs`` () =
    withTicket (fun emulator port customer -> task {
        let page = "<script>alert(1)</script>"B

        let files = [
            OdooScenes.fileOf "foto.jpg" "image/jpeg" FileSamples.jpeg, FileSamples.jpeg, "image/jpeg"
            OdooScenes.fileOf "nota.ogg" "audio/ogg" FileSamples.ogg, FileSamples.ogg, "audio/ogg"
            OdooScenes.fileOf "página.html" "text/html" page, page, "application/octet-stream"
        ]

        for index, (file, bytes, _) in List.indexed files do
            let key = {
                OdooScenes.keyOf customer 3L with
                    Ordinal = index
            }

            let! attached =
                port.Attach key (OdooScenes.keyOf customer 2L) file (OdooScenes.opened bytes) none

            Assert.Equal(Ok(), attached)

        use browser = new HttpClient(BaseAddress = emulator.Address)
        let! overview = browser.GetStringAsync "/desk/tickets"
        let ticket = itemsField "tickets" (OdooCalls.json overview) |> List.head
        let shown = itemsField "attachments" ticket

        Assert.Equal<string option list>(
            files |> List.map (fun (file, _, _) -> Some file.Name),
            shown |> List.map (textField "name")
        )

        for attachment, (_, bytes, contentType) in List.zip shown files do
            let id =
                match field "id" attachment with
                | Some(Whole id) -> id
                | other -> failwith $"%A{other}"

            use! answer = browser.GetAsync $"/desk/attachments/%d{id}"
            let! read = answer.Content.ReadAsByteArrayAsync()
            Assert.Equal<byte[]>(bytes, read)
            Assert.Equal(contentType, string answer.Content.Headers.ContentType)
            Assert.Contains("sandbox", String.concat "" (answer.Headers.GetValues "Content-Security-Policy"))
            Assert.Equal("nosniff", String.concat "" (answer.Headers.GetValues "X-Content-Type-Options"))

            if contentType = "application/octet-stream" then
                Assert.Equal(
                    "attachment",
                    string (nonNull answer.Content.Headers.ContentDisposition).DispositionType
                )

        use! missing = browser.GetAsync "/desk/attachments/999999"
        Assert.Equal(404, int missing.StatusCode)
        use foreign = new HttpRequestMessage(HttpMethod.Get, "/desk/attachments/1")
        foreign.Headers.Add("Sec-Fetch-Site", "cross-site")
        use! refused = browser.SendAsync foreign
        Assert.Equal(403, int refused.StatusCode)
    })

// ---------------------------------------------------------------------------------------------------------------
// Large files

/// An Odoo that knows one ticket and hashes the file that it gets while it comes.
let private listening (test: Uri -> (unit -> int64 * string) -> Task<unit>) : Task = task {
    let taken = ref (0L, "")

    let hashBody (context: HttpContext) : Task = task {
        use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
        let buffer = Array.zeroCreate<byte> 65536
        let mutable count = 1
        let mutable total = 0L

        while count > 0 do
            let! read = context.Request.Body.ReadAsync(Memory buffer)
            hash.AppendData(buffer, 0, read)
            count <- read
            total <- total + int64 read

        taken.Value <- (total, Convert.ToHexStringLower(hash.GetHashAndReset()))
    }

    let handle (context: HttpContext) : Task = task {
        let answer = FunctionalBot.Emulators.Exchange.answer context 200 "application/json"

        match string context.Request.Path with
        | "/web/version" -> do! answer """{"version_info":[19,0,0,"final",0,""]}"""
        | "/json/2/helpdesk.ticket/fields_get" ->
            do! answer """{"x_wa_key":{"type":"char"},"number":{"type":"char"}}"""
        | "/json/2/helpdesk.ticket/search_read" -> do! answer """[{"id":5,"number":"HT00005"}]"""
        | "/json/2/ir.attachment/search_read" -> do! answer "[]"
        | "/json/2/ir.attachment/create" ->
            do! hashBody context
            do! answer "[1]"
        | other -> failwith other
    }

    let! running =
        FunctionalBot.Emulators.Hosting.start 0 134_217_728L (fun app ->
            app.Run(RequestDelegate(fun context -> handle context)))

    try
        do! test running.Address (fun () -> taken.Value)
    finally
        running.Stop().Wait()
}

/// What the body must be: the same JSON with the base64 made at once, a part at a time.
let private expectedBody (start: string) (size: int64) (rest: string) : int64 * string =
    use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
    use source = new OdooScenes.GrowingStream(size)
    let buffer = Array.zeroCreate<byte>(3 * 65536)
    let mutable total = 0L

    let add (text: string) =
        let bytes = Text.Encoding.UTF8.GetBytes text
        hash.AppendData bytes
        total <- total + int64 bytes.Length

    add start
    let mutable count = source.ReadAtLeast(Span buffer, buffer.Length, false)

    while count > 0 do
        add (Convert.ToBase64String(buffer, 0, count))
        count <- source.ReadAtLeast(Span buffer, buffer.Length, false)

    add rest
    total, Convert.ToHexStringLower(hash.GetHashAndReset())

/// What a process allocates can only be told while nothing else runs in it: with the tests that run one at a time.
[<Collection "several nodes">]
module LargeFiles =
    [<Fact>]
    let ``the largest file goes out in a bounded amount of memory, and one byte more does not go`` () =
        listening (fun address taken -> task {
            use client = OdooScenes.client ()
            client.Timeout <- Timeout.InfiniteTimeSpan
            let port = Odoo.create (settingsFor address) client
            let customer = OdooScenes.newCustomer ()
            let size = OdooAttachments.largest

            let file = {
                OdooScenes.fileOf "grande.pdf" "application/pdf" [||] with
                    Size = size
            }

            let growing size (_: CancellationToken) : Task<Stream option> =
                Task.FromResult(Some(new OdooScenes.GrowingStream(size) :> Stream))

            let key = OdooScenes.keyOf customer 3L
            let creation = OdooScenes.keyOf customer 2L
            // What is set up once shall not be counted.
            let! _ = port.Attach key creation { file with Size = 10L } (growing 10L) none
            let before = GC.GetTotalAllocatedBytes true
            let! attached = port.Attach key creation file (growing size) none
            let allocated = GC.GetTotalAllocatedBytes true - before
            Assert.Equal(Ok(), attached)
            // Both sides are in this process, the server's too; what goes over the wire is 128 MiB.
            Assert.True(allocated < 40L * 1024L * 1024L, $"%d{allocated} bytes were allocated")

            let start =
                "{\"vals_list\":[{\"name\":\"grande.pdf\",\"res_model\":\"helpdesk.ticket\",\"res_id\":5,"
                + $"\"description\":\"Ref.: %s{OdooText.noteMark key}\",\"datas\":\""

            Assert.Equal(expectedBody start size "\"}]}", taken ())

            match! port.Attach key creation { file with Size = size + 1L } (growing (size + 1L)) none with
            | Error(WillNotDo reason) -> Assert.Contains("larger", reason)
            | other -> failwith $"%A{other}"
        })
