/// Uploading files to WhatsApp: what goes over the wire, how failures end, and that no file is held in memory.
module FunctionalBot.Tests.WhatsAppUploadTests

open System
open System.Collections.Concurrent
open System.IO
open System.Security.Cryptography
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Emulators
open FunctionalBot.Tests.Protected

let private settingsFor (address: Uri) : WhatsAppSettings = {
    GraphUrl = Uri(address, "/v25.0")
    Token = fun () -> WhatsApp.Settings.standard.AccessToken
    PhoneNumberId = WhatsApp.Settings.standard.PhoneNumberId
    Timeout = TimeSpan.FromSeconds 20.
}

let private channel = "whatsapp-" + WhatsApp.Settings.standard.PhoneNumberId

/// A command of the emulated number.
let private key =
    let key = keyOf "ES.1" 3L

    {
        key with
            Session = { key.Session with Channel = channel }
    }

let private client =
    FunctionalBot.Web.Composition.newClient Timeout.InfiniteTimeSpan

let private bytesOf seed count =
    let bytes = Array.zeroCreate<byte> count
    Random(seed: int).NextBytes bytes
    bytes

let private fileOf (name: string) (bytes: byte[]) : FileUpload = {
    Hash = FileHash(Convert.ToHexStringLower(SHA256.HashData bytes))
    Name = name
    MimeType = "application/pdf"
    Size = int64 bytes.Length
    Open = fun _ -> Task.FromResult(Some(new MemoryStream(bytes) :> Stream))
}

let private uploadTo settings file =
    (WhatsAppApi.create settings client).Upload channel file never

/// One upload as a server saw it.
type private Seen = {
    Path: string
    Authorization: string
    ContentType: string
    Length: int64 option
    Fields: Map<string, string>
    FileName: string
    FileType: string
    Sha256: string
}

let private look (context: HttpContext) = task {
    let! form = context.Request.ReadFormAsync()
    let file = form.Files[0]
    use stream = file.OpenReadStream()
    let! hash = SHA256.HashDataAsync stream

    return {
        Path = string context.Request.Path
        Authorization = string context.Request.Headers.Authorization
        ContentType = string context.Request.ContentType
        Length = Option.ofNullable context.Request.ContentLength
        Fields = Map [ for field in form -> field.Key, string field.Value ]
        FileName = file.FileName
        FileType = string file.ContentType
        Sha256 = Convert.ToHexStringLower hash
    }
}

/// Runs a server that answers each call so, and gives its address to the test.
let private withServer (answer: HttpContext -> Task) (test: Uri -> Task) : Task = task {
    let! running =
        Hosting.start 0 200_000_000L (fun app -> app.Run(RequestDelegate answer))

    try
        do! test running.Address
    finally
        running.Stop().Wait()
}

let private reply (status: int) (body: string) (context: HttpContext) : Task =
    context.Response.StatusCode <- status
    context.Response.WriteAsync body

[<Fact>]
let ``a file goes up as Meta's form, with its length, its type and all its bytes`` () : Task = task {
    let seen = ConcurrentQueue<Seen>()

    let answer (context: HttpContext) : Task = task {
        let! found = look context
        seen.Enqueue found
        do! reply 200 """{"id":"4490709327384033"}""" context
    }

    do!
        withServer answer (fun address -> task {
            for name, size, sentAs in
                [
                    "plano.pdf", 300_000, "file.pdf"
                    "factura año 2026 \"final\".PDF", 1, "file.PDF"
                    "sin punto", 65_536, "file"
                    "raro.p\u202Edf", 0, "file"
                ] do
                let bytes = bytesOf size size
                let! uploaded = uploadTo (settingsFor address) (fileOf name bytes)

                let expected: UploadedFile = {
                    Id = "4490709327384033"
                    MimeType = "application/pdf"
                    Name = name
                }

                Assert.Equal(Ok expected, uploaded)
                let isTaken, found = seen.TryDequeue()
                Assert.True isTaken
                Assert.EndsWith($"/%s{WhatsApp.Settings.standard.PhoneNumberId}/media", found.Path)
                Assert.Equal("Bearer " + WhatsApp.Settings.standard.AccessToken, found.Authorization)
                Assert.StartsWith("multipart/form-data; boundary=", found.ContentType)
                Assert.DoesNotContain("\"", found.ContentType)
                Assert.True found.Length.IsSome

                Assert.Equal<Map<string, string>>(
                    Map [ "messaging_product", "whatsapp"; "type", "application/pdf" ],
                    found.Fields
                )

                Assert.Equal((sentAs, "application/pdf"), (found.FileName, found.FileType))
                Assert.Equal(Convert.ToHexStringLower(SHA256.HashData bytes), found.Sha256)
        })
}

let private describe (result: Result<UploadedFile, SendOutcome>) =
    match result with
    | Ok _ -> "ok"
    | Error outcome -> (string outcome).Split(' ', '\n')[0]

[<Fact>]
let ``an upload that fails is tried again where it may help, and never stays unknown`` () : Task = task {
    for status, body, expected in
        [
            200, """{"error":{"code":1}}""", "RetryLater"
            200, "{}", "RetryLater"
            200, "<html>", "RetryLater"
            500, """{"error":{"code":131000}}""", "RetryLater"
            503, "", "RetryLater"
            429, """{"error":{"code":130429}}""", "RetryLater"
            401, """{"error":{"code":190}}""", "ChannelStopped"
            403, """{"error":{"code":131031}}""", "ChannelStopped"
            400, """{"error":{"code":131053}}""", "Refused"
            400, """{"error":{"code":100}}""", "Refused"
            413, "", "Refused"
        ] do
        let answer (context: HttpContext) : Task = task {
            do! context.Request.Body.CopyToAsync Stream.Null
            do! reply status body context
        }

        do!
            withServer answer (fun address -> task {
                let! outcome =
                    uploadTo (settingsFor address) (fileOf "secreto.pdf" (bytesOf 1 100_000))

                Assert.Equal(
                    $"%d{status} %s{body}: %s{expected}",
                    $"%d{status} %s{body}: %s{describe outcome}"
                )

                Assert.DoesNotContain("secreto", $"%A{outcome}")
            })

    let! nobody =
        uploadTo (settingsFor (Uri "http://127.0.0.1:1")) (fileOf "a.pdf" [| 1uy |])

    Assert.Equal("RetryLater", describe nobody)

    let cut (context: HttpContext) : Task =
        context.Abort()
        Task.CompletedTask

    do!
        withServer cut (fun address -> task {
            let! outcome = uploadTo (settingsFor address) (fileOf "a.pdf" (bytesOf 2 3_000_000))
            Assert.Equal("RetryLater", describe outcome)
        })
}

[<Fact>]
let ``a token that is refused is refused before the file goes up`` () : Task = task {
    let read = ref 0L

    let answer (context: HttpContext) : Task =
        reply 401 """{"error":{"code":190}}""" context

    let file: FileUpload = {
        fileOf "a.pdf" [||] with
            Size = 50_000_000L
            Open =
                fun _ ->
                    let source = new MemoryStream(Array.zeroCreate<byte> 50_000_000)

                    let counting = {
                        new MemoryStream() with
                            override _.ReadAsync(buffer: Memory<byte>, token: CancellationToken) =
                                read.Value <- read.Value + int64 buffer.Length
                                source.ReadAsync(buffer, token)
                    }

                    Task.FromResult(Some(counting :> Stream))
    }

    do!
        withServer answer (fun address -> task {
            let! outcome = uploadTo (settingsFor address) file
            Assert.Equal("ChannelStopped", describe outcome)
            Assert.True(read.Value < 50_000_000L, $"%d{read.Value} bytes were read")
        })
}

[<Fact>]
let ``what is gone, too large or of another length is refused, and not with a code of Meta's`` () : Task =
    task {
        let calls = ref 0

        let answer (context: HttpContext) : Task = task {
            calls.Value <- calls.Value + 1

            try
                do! context.Request.Body.CopyToAsync Stream.Null
            with _ ->
                ()

            do! reply 200 """{"id":"1"}""" context
        }

        do!
            withServer answer (fun address -> task {
                let file = fileOf "a.pdf" (bytesOf 3 200_000)
                let upload = uploadTo (settingsFor address)

                let refused (words: string) (outcome: Result<UploadedFile, SendOutcome>) =
                    match outcome with
                    | Error(Refused(0, reason)) -> Assert.Contains(words, reason)
                    | outcome -> failwith $"%A{outcome}"

                let! gone =
                    upload {
                        file with
                            Open = fun _ -> Task.FromResult None
                    }

                refused "not kept any more" gone

                let! large =
                    upload {
                        file with
                            Size = 100L * 1024L * 1024L + 1L
                    }

                refused "104857601 bytes, at most 104857600" large
                Assert.Equal(0, calls.Value)
                let! short = upload { file with Size = 200_001L }
                refused "not as long" short
                let! long = upload { file with Size = 199_999L }
                refused "not as long" long

                for fault in [ IOException "disk" :> exn; UnauthorizedAccessException "rights" ] do
                    let! unreadable =
                        upload {
                            file with
                                Open = fun _ -> Task.FromException<Stream option> fault
                        }

                    Assert.Equal("RetryLater", describe unreadable)

                let! other =
                    (WhatsAppApi.create (settingsFor address) client).Upload "whatsapp-another" file never

                Assert.Equal("HeldBack", describe other)
            })
    }

/// A file that is made while it is read, and knows how far that is.
type private Made(length: int64, perRead: Stream -> CancellationToken -> Task) =
    inherit Stream()
    let mutable position = 0L
    let mutable largest = 0
    member _.ReadSoFar = Volatile.Read &position
    member _.LargestRead = largest
    override _.CanRead = true
    override _.CanSeek = false
    override _.CanWrite = false
    override _.Length = raise (NotSupportedException())

    override _.Position
        with get () = position
        and set _ = raise (NotSupportedException())

    override _.Flush() = ()
    override _.Seek(_, _) = raise (NotSupportedException())
    override _.SetLength _ = raise (NotSupportedException())
    override _.Write(_: byte[], _: int, _: int) = raise (NotSupportedException())
    override _.Read(_: byte[], _: int, _: int) : int = raise (NotSupportedException())

    override this.ReadAsync(buffer: Memory<byte>, token: CancellationToken) : ValueTask<int> =
        ValueTask<int>(
            task {
                do! perRead this token
                let count = int (min (int64 buffer.Length) (length - position))
                largest <- max largest count
                Volatile.Write(&position, position + int64 count)
                return count
            }
        )

let private making length (stream: Stream) : FileUpload = {
    Hash = FileHash "0"
    Name = "grande.zip"
    MimeType = "application/zip"
    Size = length
    Open = fun _ -> Task.FromResult(Some stream)
}

[<Fact>]
let ``a hundred megabytes pass through one small buffer`` () : Task = task {
    let length = OutboundLimits.fileBytes
    let source = new Made(length, fun _ _ -> Task.CompletedTask)
    let readAtFirst = ref 0L
    let taken = ref 0L

    let answer (context: HttpContext) : Task = task {
        let buffer = Array.zeroCreate<byte> 65_536
        let count = ref -1

        while count.Value <> 0 do
            let! some = context.Request.Body.ReadAsync(Memory buffer)
            count.Value <- some
            taken.Value <- taken.Value + int64 some

            // What was read ahead by now lies in buffers of both sides, or in memory.
            if readAtFirst.Value = 0L && taken.Value > 1_000_000L then
                readAtFirst.Value <- source.ReadSoFar

        do! reply 200 """{"id":"1"}""" context
    }

    do!
        withServer answer (fun address -> task {
            let! uploaded = uploadTo (settingsFor address) (making length source)
            Assert.Equal("ok", describe uploaded)
            Assert.True(taken.Value > length)
            Assert.InRange(readAtFirst.Value, 1L, length / 2L)
            Assert.InRange(source.LargestRead, 1, 64 * 1024)
        })
}

[<Fact>]
let ``an upload may take as long as it moves, and one that stands still ends`` () : Task = task {
    let drain (context: HttpContext) : Task = task {
        do! context.Request.Body.CopyToAsync Stream.Null
        do! reply 200 """{"id":"1"}""" context
    }

    let settings address = {
        settingsFor address with
            Timeout = TimeSpan.FromSeconds 2.
    }

    do!
        withServer drain (fun address -> task {
            // Eight pieces, each a third of the limit after the one before.
            let slow =
                new Made(8L * 65_536L, fun _ token -> Task.Delay(TimeSpan.FromSeconds 0.6, token))

            let! uploaded = uploadTo (settings address) (making (8L * 65_536L) slow)
            Assert.Equal("ok", describe uploaded)

            let stuck =
                new Made(
                    1_000_000L,
                    fun source token ->
                        if source.Position > 300_000L then
                            Task.Delay(Timeout.Infinite, token)
                        else
                            Task.CompletedTask
                )

            use stopping = new CancellationTokenSource()

            let! outcome =
                (WhatsAppApi.create (settings address) client).Upload
                    channel
                    (making 1_000_000L stuck)
                    stopping.Token

            Assert.Equal("RetryLater", describe outcome)
            Assert.Contains("2 seconds", $"%A{outcome}")
        })
}

[<Fact>]
let ``what was uploaded to the emulator can be sent, and what was not cannot`` () : Task = task {
    let! emulator = WhatsApp.WhatsAppEmulator.start WhatsApp.Settings.standard

    try
        let port = WhatsAppApi.create (settingsFor emulator.Address) client
        let customer = List.head WhatsApp.Settings.standard.Customers

        use wrote =
            new Net.Http.StringContent(
                $"""{{"customer":"%s{customer.Id}","text":"Hola"}}""",
                Text.Encoding.UTF8,
                "application/json"
            )

        use! answer = client.PostAsync(Uri(emulator.Address, "/_emulator/send"), wrote)
        Assert.True answer.IsSuccessStatusCode

        let recipient: Recipient = {
            Phone = customer.Phone
            BusinessScopedId = customer.UserId
        }

        let send message =
            port.Send (Outgoing.ofCommand key recipient None message) never

        match! port.Upload channel (fileOf "plano.pdf" (bytesOf 4 100_000)) never with
        | Error outcome -> failwith $"%A{outcome}"
        | Ok uploaded ->
            let! document = send (DocumentMessage(uploaded, Some "El plano"))
            Assert.True(document.IsAccepted, $"%A{document}")
            let! unknown = send (DocumentMessage({ uploaded with Id = "1" }, None))
            Assert.True(unknown.IsRefused, $"%A{unknown}")

        for message in
            [
                LinkMessage("Aquí está", "Ver la ayuda", "https://example.com/ayuda")
                LocationRequest "¿Dónde estás?"
                ContactRequest "¿Me das tu número?"
            ] do
            let! outcome = send message
            Assert.True(outcome.IsAccepted, $"%A{message}: %A{outcome}")
    finally
        emulator.Stop().Wait()
}

[<Fact>]
let ``the same file is uploaded once for a number, until a message with it is refused or a week is over`` () =
    inSimulatedTime 41 (fun world -> task {
        let calls = ref 0

        let outcomes =
            System.Collections.Generic.Queue [ Accepted(MessageId "w"); Refused(100, "no such file") ]

        let port =
            whatsAppThat world (fun _ -> outcomes.Dequeue()) (fun () ->
                calls.Value <- calls.Value + 1
                Accepted(MessageId $"id-%d{calls.Value}"))
            |> Uploads.remembered world

        let upload channel seed name = task {
            match! port.Upload channel (fileOf name (bytesOf seed 10)) never with
            | Ok uploaded ->
                Assert.Equal(name, uploaded.Name)
                return uploaded
            | Error outcome -> return failwith $"%A{outcome}"
        }

        let send uploaded =
            port.Send
                (Outgoing.ofCommand (keyOf "ES.1" 3L) recipient None (DocumentMessage(uploaded, None)))
                never

        let! first = upload "whatsapp-1" 1 "a.pdf"
        let! again = upload "whatsapp-1" 1 "b.pdf"
        Assert.Equal(("id-1", "id-1", 1), (first.Id, again.Id, calls.Value))
        let! other = upload "whatsapp-2" 1 "a.pdf"
        let! another = upload "whatsapp-1" 2 "a.pdf"
        Assert.Equal(("id-2", "id-3"), (other.Id, another.Id))
        let! _ = send first
        let! still = upload "whatsapp-1" 1 "a.pdf"
        Assert.Equal("id-1", still.Id)
        let! _ = send first
        let! anew = upload "whatsapp-1" 1 "a.pdf"
        Assert.Equal("id-4", anew.Id)
        do! world.Delay (TimeSpan.FromDays 7.) never
        let! later = upload "whatsapp-1" 2 "a.pdf"
        Assert.Equal("id-5", later.Id)
    })
