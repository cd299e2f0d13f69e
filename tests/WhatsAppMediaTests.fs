/// Downloading media: where the token goes, what is checked, and what each failure means.
module FunctionalBot.Tests.WhatsAppMediaTests

open System
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Emulators
open FunctionalBot.Tests.MediaServer

let private first = FileSamples.jpeg
let private size = 200_000L
let private whole = int64 first.Length + size
let private hash = hashOf first size
let private hex = Convert.ToHexStringLower hash
let private megabyte = 1_000_000L

let private isLookUp (context: HttpContext) =
    (string context.Request.Path).StartsWith "/v25.0/777"

/// A server that describes the file as told and sends it.
let private honest sha256 (own: Uri) (context: HttpContext) : Task =
    if isLookUp context then
        describe context (string (Uri(own, "/file"))) (Some whole) sha256
    else
        send context true first size

let private download (server: Server) request =
    downloadWith (settings server.Address) request megabyte

let private failure result : FileFailure =
    match result with
    | Error problem -> problem
    | Ok _ -> failwith "It was downloaded."

[<Fact>]
let ``a file is looked up with the number's id and fetched with the token and a user agent`` () =
    using (honest None) (fun server -> task {
        let! result, bytes = download server request

        match result with
        | Error problem -> failwith $"%A{problem}"
        | Ok downloaded ->
            Assert.Equal(FileHash hex, downloaded.Hash)
            Assert.Equal(whole, downloaded.Size)
            Assert.Equal<byte[]>(Array.truncate 4096 bytes, downloaded.Begin)
            Assert.Equal(4096, downloaded.Begin.Length)

        Assert.Equal(whole, int64 bytes.Length)

        Assert.Equal<string list>(
            [ "/v25.0/777?phone_number_id=100"; "/file" ],
            server.Asked() |> List.map _.Path
        )

        for asked in server.Asked() do
            Assert.Equal("Bearer invented-token", asked.Authorization)
            Assert.Contains("FunctionalBot", asked.UserAgent)
    })

[<Fact>]
let ``a hash is right as base64 and as hex, and a wrong one is told`` () : Task = task {
    let base64 = Convert.ToBase64String hash
    let wrong = Convert.ToBase64String(Array.rev hash)

    for webhook, graph, isRight in
        [
            Some base64, None, true
            Some hex, None, true
            Some base64, Some hex, true
            None, Some(hex.ToUpperInvariant()), true
            Some wrong, Some hex, false
            Some base64, Some(Convert.ToHexStringLower(Array.rev hash)), false
            Some "no hash at all", None, false
        ] do
        do!
            using (honest graph) (fun server -> task {
                let! result, _ = download server { request with Sha256 = webhook }

                if isRight then
                    Assert.True(Result.isOk result)
                else
                    Assert.Equal(WillNeverCome FileDamaged, failure result)
            })
}

[<Fact>]
let ``what is too large is not fetched where that is told, and broken off where it is not`` () : Task = task {
    for told, withLength, asked in [ Some 2_000_000L, true, 1; None, true, 2; None, false, 2 ] do
        let answer (own: Uri) (context: HttpContext) : Task =
            if isLookUp context then
                describe context (string (Uri(own, "/file"))) told None
            else
                send context withLength first 2_000_000L

        do!
            using answer (fun server -> task {
                let! result, bytes = download server request
                Assert.Equal(WillNeverCome(FileTooLarge megabyte), failure result)
                Assert.True(int64 bytes.Length <= megabyte)
                Assert.Equal(asked, (server.Asked()).Length)
            })
}

[<Fact>]
let ``a file of just the limit is taken, and of one byte more is not`` () : Task = task {
    for limit, isTaken in [ whole, true; whole - 1L, false ] do
        let answer (own: Uri) (context: HttpContext) : Task =
            if isLookUp context then
                describe context (string (Uri(own, "/file"))) None None
            else
                send context false first size

        do!
            using answer (fun server -> task {
                let! result, _ = downloadWith (settings server.Address) request limit
                Assert.Equal(isTaken, Result.isOk result)
            })
}

[<Fact>]
let ``the token goes to no other host, port or scheme`` () : Task = task {
    for url in
        [
            "https://example.com/file"
            "http://lookaside.fbsbx.com/file"
            "https://lookaside.fbsbx.com:8443/file"
            "https://lookaside.fbsbx.com.example.com/file"
            "https://lookaside.fbsbx.com@example.com/file"
            "http://127.0.0.1:1/file"
            "file:///etc/passwd"
        ] do
        do!
            using (fun _ context -> describe context url None None) (fun server -> task {
                let! result, bytes = download server request

                match failure result with
                | FetchHeldBack(_, reason) -> Assert.Contains("WHATSAPP_MEDIA_HOSTS", reason)
                | other -> failwith $"%s{url}: %A{other}"

                Assert.Empty bytes
                Assert.Single(server.Asked()) |> ignore
            })
}

[<Fact>]
let ``a redirect is not followed, and the token does not travel with it`` () =
    using (fun _ context -> Exchange.answer context 200 "text/plain" "") (fun other ->
        let redirecting (own: Uri) (context: HttpContext) : Task =
            if isLookUp context then
                describe context (string (Uri(own, "/file"))) None None
            else
                context.Response.Headers.Location <- string other.Address
                Exchange.answer context 302 "text/plain" ""

        task {
            do!
                using redirecting (fun server -> task {
                    let! result, _ = download server request

                    match failure result with
                    | WillNeverCome(FileUnreachable _) -> ()
                    | problem -> failwith $"%A{problem}"
                })

            Assert.Empty(other.Asked())
        })

[<Fact>]
let ``an address that is too old is looked up anew, once`` () : Task = task {
    for status in [ 404; 403; 410 ] do
        for goneTimes in [ 1; 2 ] do
            let fetches = ref 0

            let answer (own: Uri) (context: HttpContext) : Task =
                if isLookUp context then
                    describe context (string (Uri(own, "/file"))) None None
                else
                    fetches.Value <- fetches.Value + 1

                    if fetches.Value <= goneTimes then
                        Exchange.answer context status "text/html" "<p>expired</p>"
                    else
                        send context true first size

            do!
                using answer (fun server -> task {
                    let! result, _ = download server request
                    Assert.Equal(4, (server.Asked()).Length)

                    if goneTimes = 1 then
                        Assert.True(Result.isOk result)
                    else
                        Assert.Equal(WillNeverCome FileGone, failure result)
                })
}

[<Fact>]
let ``each error of the look-up has its own end`` () : Task = task {
    for status, code, expected in
        [
            401, 190, "held"
            401, 0, "held"
            403, 10, "held"
            403, 368, "held"
            400, 100, "gone"
            400, 33, "gone"
            400, 131052, "unreachable"
            400, 130429, "again"
            400, 4, "again"
            500, 131000, "again"
            503, 2, "again"
            500, 987654, "again"
        ] do
        do!
            using (fun _ context -> refuse context status code) (fun server -> task {
                let! result, _ = download server request

                let named =
                    match failure result with
                    | FetchHeldBack _ -> "held"
                    | WillNeverCome FileGone -> "gone"
                    | WillNeverCome(FileUnreachable _) -> "unreachable"
                    | FetchAgain _ -> "again"
                    | other -> string other

                Assert.Equal((code, expected), (code, named))
            })
}

[<Fact>]
let ``a download that breaks off, stands still or is refused for now is tried again`` () : Task = task {
    let brokenOff (context: HttpContext) : Task = task {
        context.Response.ContentLength <- Nullable 1000L
        do! context.Response.Body.WriteAsync(ReadOnlyMemory first)
        do! context.Response.Body.FlushAsync()
        context.Abort()
    }

    let still (context: HttpContext) : Task = task {
        do! context.Response.Body.WriteAsync(ReadOnlyMemory first)
        do! context.Response.Body.FlushAsync()

        try
            do! Task.Delay(-1, context.RequestAborted)
        with :? OperationCanceledException ->
            ()
    }

    let busy (context: HttpContext) : Task =
        context.Response.Headers.RetryAfter <- "7"
        Exchange.answer context 429 "text/plain" ""

    for name, file, after in
        [
            "broken", brokenOff, None
            "still", still, None
            "busy", busy, Some(TimeSpan.FromSeconds 7.)
        ] do
        let answer (own: Uri) (context: HttpContext) : Task =
            if isLookUp context then
                describe context (string (Uri(own, "/file"))) None None
            else
                file context

        do!
            using answer (fun server -> task {
                let settings = {
                    settings server.Address with
                        Idle = TimeSpan.FromMilliseconds 300.
                }

                let! result, _ = downloadWith settings request megabyte

                match failure result with
                | FetchAgain(waits, _) -> Assert.Equal((name, after), (name, waits))
                | other -> failwith $"%s{name}: %A{other}"
            })
}

/// A stream that takes nothing, as a file on a full disk.
type private FullDisk() =
    inherit IO.MemoryStream()

    override _.WriteAsync(_: ReadOnlyMemory<byte>, _: Threading.CancellationToken) =
        ValueTask(Task.FromException(IO.IOException "No space left on device"))

[<Fact>]
let ``a disk that is full is not taken for a download that broke off`` () =
    using (honest None) (fun server -> task {
        use disk = new FullDisk()

        let! fault =
            Assert.ThrowsAsync<IO.IOException>(fun () ->
                downloadTo disk (settings server.Address) request megabyte :> Task)

        Assert.Equal("No space left on device", fault.Message)
    })

/// A stream that takes its time over the first piece.
type private SlowDisk(time: TimeSpan) =
    inherit IO.MemoryStream()

    let isFirst = ref true

    override _.WriteAsync(_: ReadOnlyMemory<byte>, cancel: Threading.CancellationToken) =
        if isFirst.Value then
            isFirst.Value <- false
            ValueTask(Task.Delay(time, cancel))
        else
            ValueTask.CompletedTask

[<Fact>]
let ``the time for which a download may stand still is Meta's alone, not the disk's`` () =
    using (honest None) (fun server -> task {
        let idle = TimeSpan.FromSeconds 2.
        use disk = new SlowDisk(idle * 1.5)

        let settings = {
            settings server.Address with
                Idle = idle
        }

        let! downloaded = downloadTo disk settings request megabyte
        Assert.Equal(Ok whole, downloaded |> Result.map _.Size)
    })

[<Fact>]
let ``nobody there is worth another try, and reasons hold neither the token nor the file's id`` () : Task =
    task {
        let! result, _ = downloadWith (settings (Uri "http://127.0.0.1:1")) request megabyte

        match failure result with
        | FetchAgain(None, reason) ->
            Assert.DoesNotContain("invented-token", reason)
            Assert.DoesNotContain("777", reason)
        | other -> failwith $"%A{other}"
    }
