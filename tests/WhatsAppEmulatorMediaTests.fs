/// Files in the emulator: how they are fetched, uploaded, refused and spoilt.
module FunctionalBot.Tests.WhatsAppEmulatorMediaTests

open System
open System.Net
open System.Net.Http
open System.Net.Http.Headers
open System.Security.Cryptography
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Emulators.WhatsApp
open FunctionalBot.Tests.WhatsAppEmulatorStage

[<Fact>]
let ``media is fetched in two steps with the token, and its address dies after five minutes`` () =
    onStage (fun stage -> task {
        Assert.True(Result.isOk (stage.Emulator.Customers.Sample "ana" "voice" None))
        do! quiet stage
        let audio = received "messages" stage |> List.head
        let id = Json.textAt [ "audio"; "id" ] audio |> Option.defaultValue ""

        let! _, facts =
            request stage HttpMethod.Get $"/v25.0/%s{id}" settings.AccessToken None

        let url = Json.textAt [ "url" ] facts |> Option.defaultValue ""

        let fetch (token: string) = task {
            use message = new HttpRequestMessage(HttpMethod.Get, url)
            message.Headers.Authorization <- AuthenticationHeaderValue("Bearer", token)
            use! response = client.SendAsync message
            let! bytes = response.Content.ReadAsByteArrayAsync()
            return response.StatusCode, bytes
        }

        let! status, bytes = fetch settings.AccessToken
        Assert.Equal(HttpStatusCode.OK, status)

        Assert.Equal(
            Json.textAt [ "audio"; "sha256" ] audio,
            Some(Convert.ToBase64String(SHA256.HashData bytes))
        )

        let! status, _ = fetch "stale"
        Assert.Equal(HttpStatusCode.Unauthorized, status)
        stage.Emulator.Conversations.MoveClock(TimeSpan.FromMinutes 6.0)
        let! status, _ = fetch settings.AccessToken
        Assert.Equal(HttpStatusCode.NotFound, status)
    })

let private file contentType size = {
    ContentType = contentType
    Name = Some "archivo"
    Bytes = Array.create size 1uy
}

let private megabyte = 1024 * 1024

let private animated size =
    let bytes = Array.zeroCreate<byte> size
    Array.blit (Text.Encoding.ASCII.GetBytes "RIFF    WEBPVP8X") 0 bytes 0 16
    bytes[20] <- 2uy

    {
        file "image/webp" 0 with
            Bytes = bytes
    }

[<Fact>]
let ``an upload is taken up to the size of its kind, and refused with 131053 one byte above`` () =
    onStage (fun stage -> task {
        let bySize contentType = fun size -> file contentType size

        let cases = [
            "image", bySize "image/png", 5 * megabyte
            "audio", bySize "audio/ogg; codecs=opus", 16 * megabyte
            "video", bySize "video/mp4", 16 * megabyte
            "document", bySize "application/pdf", 100 * megabyte
            "sticker", bySize "image/webp", 100 * 1024
            "animated sticker", animated, 500 * 1024
        ]

        for name, make, border in cases do
            for size in [ border - 1; border ] do
                let! status, answer = upload stage (make size)
                Assert.True((status = 200), $"%s{name}, %d{size}: %s{Json.write answer}")

            let! status, answer = upload stage (make (border + 1))
            let isRefused = (status, errorCode answer) = (400, Some 131053)
            Assert.True(isRefused, $"%s{name}, %d{border + 1}: %s{Json.write answer}")
    })

[<Fact>]
let ``an upload of another type, or of nothing, is refused with 131053`` () =
    onStage (fun stage -> task {
        for wrong in
            [
                file "image/gif" 10
                file "application/zip" 10
                file "text/html" 10
                file "image/png" 0
            ] do
            let! status, answer = upload stage wrong
            let isRefused = (status, errorCode answer) = (400, Some 131053)
            Assert.True(isRefused, $"%s{wrong.ContentType}: %s{Json.write answer}")

        let! _, answer =
            uploadTo stage $"%s{settings.PhoneNumberId}/media" [] (file "image/png" 10)

        Assert.Equal(Some 131008, errorCode answer)
    })

[<Fact>]
let ``an uploaded file is sent as its own kind only, and a voice note is Opus in Ogg`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore

        let idOf contentType = task {
            let! _, answer = upload stage (file contentType 10)
            return Json.textAt [ "id" ] answer |> Option.defaultValue ""
        }

        let sent kind more id =
            post stage (toAna kind (Json.Fields(("id", Json.Text id) :: more)))

        let! picture = idOf "image/png"
        let! sound = idOf "audio/mpeg"
        let! note = idOf "audio/ogg"
        let voice = [ "voice", Json.Flag true ]

        for kind, more, id in
            [
                "image", [], picture
                "document", [], picture
                "audio", [], sound
                "audio", voice, note
            ] do
            let! status, answer = sent kind more id
            Assert.True((status = 200), $"%s{kind}: %s{Json.write answer}")

        for kind, more, id in [ "video", [], picture; "image", [], sound; "audio", voice, sound ] do
            let! status, answer = sent kind more id
            Assert.Equal((400, Some 131053), (status, errorCode answer))
    })

let private voiceId (stage: Stage) =
    received "messages" stage |> List.pick (Json.textAt [ "audio"; "id" ])

[<Fact>]
let ``ids of customers' files live 7 days, ids of uploads 30, and both of one number alone`` () =
    onStage (fun stage -> task {
        stage.Emulator.Customers.Sample "ana" "voice" None |> sure |> ignore
        do! quiet stage
        let inbound = voiceId stage
        let! _, answer = upload stage (file "image/png" 10)
        let uploaded = Json.textAt [ "id" ] answer |> Option.defaultValue ""

        let known id = task {
            let! status, _ = graph stage HttpMethod.Get id None
            return status = 200
        }

        let! other = known $"%s{inbound}?phone_number_id=1"
        let! own = known $"%s{inbound}?phone_number_id=%s{settings.PhoneNumberId}"
        Assert.Equal((false, true), (other, own))

        let move (time: TimeSpan) =
            stage.Emulator.Conversations.MoveClock time

        move (TimeSpan.FromDays 7.0 - TimeSpan.FromMinutes 1.0)
        let! first = known inbound
        move (TimeSpan.FromMinutes 1.0)
        let! second = known inbound
        let! third = known uploaded
        Assert.Equal((true, false, true), (first, second, third))
        move (TimeSpan.FromDays 23.0)
        let! last = known uploaded
        Assert.False last
        write stage "Hola" |> ignore

        let! _, answer =
            post stage (toAna "image" (Json.Fields [ "id", Json.Text uploaded ]))

        Assert.Equal(Some 100, errorCode answer)
    })

let private noRedirects =
    new HttpClient(new HttpClientHandler(AllowAutoRedirect = false))

/// Asks for the file anew and fetches its first bytes.
let private fetched (stage: Stage) id = task {
    let! _, facts = graph stage HttpMethod.Get id None

    use message =
        new HttpRequestMessage(HttpMethod.Get, Json.textAt [ "url" ] facts |> Option.defaultValue "")

    message.Headers.Authorization <- AuthenticationHeaderValue("Bearer", settings.AccessToken)

    use! response =
        noRedirects.SendAsync(message, HttpCompletionOption.ResponseHeadersRead)

    let target = response.Headers.Location |> Option.ofObj
    use! stream = response.Content.ReadAsStreamAsync()
    // Enough to tell that an endless one does not end where a sample would.
    let room = Array.zeroCreate<byte>(4 * megabyte)
    let! count = stream.ReadAtLeastAsync(Memory room, room.Length, false)
    return response.StatusCode, target, Array.sub room 0 count, facts
}

[<Fact>]
let ``a file can come with a wrong hash, without an end, from another host or not at all`` () =
    onStage (fun stage -> task {
        stage.Emulator.Customers.Sample "ana" "voice" None |> sure |> ignore
        do! quiet stage
        let id = voiceId stage

        let strike kind =
            stage.Emulator.Faults.Set {
                Faults.none with
                    MediaFault = Faults.next 1
                    MediaFaultKind = kind
            }

        let hash facts = Json.textAt [ "sha256" ] facts

        let hashOf (bytes: byte array) =
            Some(Convert.ToHexStringLower(SHA256.HashData bytes))

        strike WrongHash
        let! _, _, bytes, facts = fetched stage id
        Assert.NotEqual(hash facts, hashOf bytes)
        strike EndlessBody
        let! _, _, bytes, _ = fetched stage id
        Assert.Equal(4 * megabyte, bytes.Length)
        strike ElsewhereBody
        let! status, target, _, _ = fetched stage id
        Assert.Equal(HttpStatusCode.Found, status)
        Assert.NotEqual<string>(stage.Emulator.Address.Host, (Option.get target).Host)
        strike GoneBody
        let! status, _, _, _ = fetched stage id
        Assert.Equal(HttpStatusCode.NotFound, status)
        // Each fault struck once: now the file comes as it is.
        let! status, _, bytes, facts = fetched stage id
        Assert.Equal(HttpStatusCode.OK, status)
        Assert.Equal(hash facts, hashOf bytes)
    })

[<Fact>]
let ``a page that was sent as a file runs nowhere, neither at the phone nor at the Graph API`` () =
    onStage (fun stage -> task {
        let page = {
            ContentType = "text/html"
            Name = Some "página.html"
            Bytes = Text.Encoding.UTF8.GetBytes "<script>alert(1)</script>"
        }

        stage.Emulator.Customers.File "ana" page None |> sure |> ignore
        do! quiet stage
        let id = Json.textAt [ "document"; "id" ] (lastMessage stage) |> Option.get
        let! _, facts = graph stage HttpMethod.Get id None
        let url = Json.textAt [ "url" ] facts |> Option.get

        for address in
            [
                Uri(stage.Emulator.Address, $"/_emulator/media/%s{id}")
                Uri $"%s{url}&access_token=%s{settings.AccessToken}"
            ] do
            use! answer = client.GetAsync address
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode)

            let header (name: string) =
                String.concat "" (answer.Headers.GetValues name)

            Assert.Contains("sandbox", header "Content-Security-Policy")
            Assert.Equal("nosniff", header "X-Content-Type-Options")
    })

[<Fact>]
let ``another host is told apart in the journal by whether the token came along`` () =
    onStage (fun stage -> task {
        let elsewhere = Uri(stage.Emulator.Address, "/elsewhere/file")
        use without = new HttpRequestMessage(HttpMethod.Get, elsewhere)
        let! _ = client.SendAsync without
        use carrying = new HttpRequestMessage(HttpMethod.Get, elsewhere)
        carrying.Headers.Authorization <- AuthenticationHeaderValue("Bearer", settings.AccessToken)
        let! _ = client.SendAsync carrying

        let came =
            stage.Emulator.Requests()
            |> List.choose _.Body
            |> List.choose (Json.given "token")

        Assert.Equal<Json.Json list>([ Json.Flag false; Json.Flag true ], came)
    })

[<Fact>]
let ``a file can be a program under the name of a photo`` () =
    onStage (fun stage -> task {
        stage.Emulator.Faults.Set {
            Faults.none with
                MediaFault = Faults.next 1
                MediaFaultKind = LyingType
        }

        stage.Emulator.Customers.Sample "ana" "photo" None |> sure |> ignore
        do! quiet stage
        let image = lastMessage stage
        let id = Json.textAt [ "image"; "id" ] image |> Option.defaultValue ""
        let! _, _, bytes, _ = fetched stage id
        Assert.Equal(Some "image/png", Json.textAt [ "image"; "mime_type" ] image)
        Assert.Equal<byte array>("MZ"B, Array.sub bytes 0 2)
        // The hash is that of the program: nothing was damaged on the way.
        Assert.Equal(
            Json.textAt [ "image"; "sha256" ] image,
            Some(Convert.ToBase64String(SHA256.HashData bytes))
        )
    })
