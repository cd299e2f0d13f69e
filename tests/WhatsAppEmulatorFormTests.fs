/// Forms in the emulator: made, sent, filled in, and asked of the business's endpoint.
module FunctionalBot.Tests.WhatsAppEmulatorFormTests

open System
open System.Collections.Concurrent
open System.Net.Http
open System.Security.Cryptography
open System.Text
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open FsCheck
open FsCheck.FSharp
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Emulators.WhatsApp
open FunctionalBot.Tests.WhatsAppEmulatorStage

let private text path json = Json.textAt path json

let private formMessage more =
    let parameters =
        Json.Fields(
            [
                "flow_message_version", Json.Text "3"
                "flow_cta", Json.Text "Abrir"
                "flow_token", Json.Text "sesion/7"
            ]
            @ more
        )

    toAna
        "interactive"
        (Json.Fields [
            "type", Json.Text "flow"
            "body", Json.Fields [ "text", Json.Text "Cuéntanos" ]
            "action", Json.Fields [ "name", Json.Text "flow"; "parameters", parameters ]
        ])

let private byId (id: string) = [ "flow_id", Json.Text id ]

[<Fact>]
let ``a filled-in form is a JSON string with the token, and its photos are media`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore
        let! status, answer = post stage (formMessage (byId TicketForm.form.Id))
        Assert.Equal(200, status)
        let photo = stage.Emulator.Customers.FormFile SampleMedia.photo.Value

        let payload =
            Json.Fields [ "title", Json.Text "No enciende «ñ»"; "photo", Json.Items [ photo ] ]

        stage.Emulator.Customers.FillForm "ana" (sentId answer) payload
        |> sure
        |> ignore

        do! quiet stage
        let reply = lastMessage stage
        Assert.Equal(Some "nfm_reply", text [ "interactive"; "type" ] reply)
        Assert.Equal(Some "flow", text [ "interactive"; "nfm_reply"; "name" ] reply)
        Assert.Equal(Some(sentId answer), text [ "context"; "id" ] reply)

        let filled = filledIn reply
        Assert.Equal(Some "sesion/7", text [ "flow_token" ] filled)
        Assert.Equal(Some "No enciende «ñ»", text [ "title" ] filled)
        let media = Json.itemsField "photo" filled |> List.exactlyOne
        let id = text [ "id" ] media |> Option.defaultValue ""
        let! status, facts = graph stage HttpMethod.Get id None
        Assert.Equal((200, Some "image/png"), (status, text [ "mime_type" ] facts))

        Assert.Equal(
            Some "answered",
            stage.Emulator.Conversations.Find(sentId answer) |> Option.bind _.Chosen
        )
    })

let private definition (screens: string list) =
    let screen (id: string) =
        Json.Fields [ "id", Json.Text id; "terminal", Json.Flag true; "layout", Json.Fields [] ]

    Json.Fields [ "version", Json.Text "7.0"; "screens", Json.Items(List.map screen screens) ]

let private asFile (json: Json.Json) = {
    ContentType = "application/json"
    Name = Some "flow.json"
    Bytes = Encoding.UTF8.GetBytes(Json.write json)
}

let private made stage fields = task {
    let! status, answer =
        graph
            stage
            HttpMethod.Post
            $"%s{settings.BusinessAccountId}/flows"
            (Some(
                Json.Fields(
                    [
                        "name", Json.Text "averia"
                        "categories", Json.Items [ Json.Text "CUSTOMER_SUPPORT" ]
                    ]
                    @ fields
                )
            ))

    Assert.Equal(200, status)
    return text [ "id" ] answer |> Option.defaultValue ""
}

let private assets stage id json =
    uploadTo stage $"%s{id}/assets" [ "name", "flow.json"; "asset_type", "FLOW_JSON" ] (asFile json)

[<Fact>]
let ``a form is made, given its screens, published, and only then sent in earnest`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore
        let! id = made stage []

        let send more =
            post stage (formMessage (byId id @ more))

        let! _, empty = send []
        Assert.Equal(Some 131009, errorCode empty)
        let! _, tooEarly = graph stage HttpMethod.Post $"%s{id}/publish" None
        Assert.Equal(Some 100, errorCode tooEarly)

        for wrong in [ Json.Fields []; definition []; definition [ "A"; "A" ]; Json.Text "screens" ] do
            let! status, answer = assets stage id wrong
            Assert.Equal(200, status)
            Assert.NotEmpty(Json.itemsField "validation_errors" answer)

        let! _, right = assets stage id (definition [ "AVERIA" ])
        Assert.Empty(Json.itemsField "validation_errors" right)
        let! _, early = send []
        Assert.Equal(Some 131009, errorCode early)
        let! status, _ = send [ "mode", Json.Text "draft" ]
        Assert.Equal(200, status)
        let! status, _ = graph stage HttpMethod.Post $"%s{id}/publish" None
        Assert.Equal(200, status)
        let! status, _ = send []
        Assert.Equal(200, status)
        let! status, _ = post stage (formMessage [ "flow_name", Json.Text "averia" ])
        Assert.Equal(200, status)

        let! _, listed =
            graph stage HttpMethod.Get $"%s{settings.BusinessAccountId}/flows" None

        let states =
            Json.itemsField "data" listed
            |> List.map (fun form -> text [ "name" ] form, text [ "status" ] form)

        Assert.Contains((Some "averia", Some "PUBLISHED"), states)
        let! _, changed = assets stage id (definition [ "OTRA" ])
        Assert.Equal(Some 100, errorCode changed)
        let! _, deleted = graph stage HttpMethod.Delete id None
        Assert.Equal(Some 100, errorCode deleted)
    })

/// An endpoint that opens what it gets with the private key and answers with what `reply` makes of it.
let private endpoint (rsa: RSA) (seen: ConcurrentQueue<Json.Json>) (reply: Json.Json -> int * Json.Json) =
    Hosting.start 0 1_000_000L (fun app ->
        app.Run(
            RequestDelegate(fun context -> task {
                let! bytes = Exchange.readBytes context
                let body = Json.parseBytes (ReadOnlyMemory bytes) |> sure

                let part name =
                    text [ name ] body |> Option.defaultValue "" |> Convert.FromBase64String

                let key = rsa.Decrypt(part "encrypted_aes_key", RSAEncryptionPadding.OaepSHA256)
                let vector = part "initial_vector"
                let plain = FlowCipher.decrypt key vector (part "encrypted_flow_data") |> Option.get
                let request = Json.parse (Encoding.UTF8.GetString plain) |> sure
                let signed = string context.Request.Headers["X-Hub-Signature-256"]
                let isSigned = signed = Payload.signature settings.AppSecret bytes
                seen.Enqueue(Json.over request (Json.Fields [ "signed", Json.Flag isSigned ]))
                let status, answer = reply request
                context.Response.StatusCode <- status

                let encrypted =
                    FlowCipher.encrypt
                        key
                        (FlowCipher.flipped vector)
                        (Encoding.UTF8.GetBytes(Json.write answer))

                do! context.Response.WriteAsync(Convert.ToBase64String encrypted)
            })
        ))

[<Fact>]
let ``an endpoint is asked encrypted and signed, and its answer is the next screen`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore
        use rsa = RSA.Create 2048
        let seen = ConcurrentQueue<Json.Json>()

        let reply request =
            match text [ "action" ] request with
            | Some "INIT" ->
                200,
                Json.Fields [ "screen", Json.Text "DOS"; "data", Json.Fields [ "name", Json.Text "Ana" ] ]
            | Some "ping" -> 200, Json.Fields [ "data", Json.Fields [ "status", Json.Text "active" ] ]
            | Some "BACK" -> 421, Json.Null
            | _ -> 200, Json.Fields [ "screen", Json.Text "SUCCESS"; "data", Json.Fields [] ]

        let! running = endpoint rsa seen reply

        try
            let! id =
                made stage [
                    "endpoint_uri", Json.Text(running.Address.ToString())
                    "flow_json", Json.Text(Json.write (definition [ "UNO"; "DOS" ]))
                    "publish", Json.Flag true
                ]

            let! _, answer =
                post stage (formMessage (byId id @ [ "flow_action", Json.Text "data_exchange" ]))

            let ask action more =
                control
                    stage
                    "form"
                    (Json.Fields([ "message", Json.Text(sentId answer); "action", Json.Text action ] @ more))

            // Without a key there is nothing to encrypt with.
            let! status, problem = ask "open" []
            Assert.Equal(400, status)
            Assert.Contains("public key", text [ "error" ] problem |> Option.defaultValue "")

            let! _, _ =
                graph
                    stage
                    HttpMethod.Post
                    $"%s{settings.PhoneNumberId}/whatsapp_business_encryption"
                    (Some(
                        Json.Fields [ "business_public_key", Json.Text(rsa.ExportSubjectPublicKeyInfoPem()) ]
                    ))

            let! status, opened = ask "open" []
            Assert.Equal(200, status)
            Assert.Equal(Some "DOS", text [ "screen" ] opened)
            Assert.Equal(Some "Ana", text [ "data"; "name" ] opened)
            let data = Json.Fields [ "title", Json.Text "No enciende «ñ»" ]
            let! _, next = ask "data_exchange" [ "screen", Json.Text "DOS"; "data", data ]
            Assert.Equal(Some "SUCCESS", text [ "screen" ] next)
            let! status, refused = ask "BACK" [ "screen", Json.Text "DOS" ]
            Assert.Equal(400, status)
            Assert.Contains("421", text [ "error" ] refused |> Option.defaultValue "")

            let first, exchanged = Seq.item 0 seen, Seq.item 1 seen
            Assert.Equal(Some "3.0", text [ "version" ] first)
            Assert.Equal(Some "sesion/7", text [ "flow_token" ] first)
            Assert.Equal(Some data, Json.given "data" exchanged)

            Assert.All(
                seen,
                (fun request -> Assert.Equal(Some(Json.Flag true), Json.given "signed" request))
            )

            let! status, up =
                control stage "form" (Json.Fields [ "action", Json.Text "ping"; "flow", Json.Text id ])

            Assert.Equal((200, Some "active"), (status, text [ "data"; "status" ] up))
        finally
            running.Stop().Wait()
    })

[<Fact>]
let ``the cipher gives the published vectors of GCM for vectors of 12, 8 and 60 bytes`` () =
    // From the specification of GCM: case 3 with its tag, and of the cases 5 and 6, which have additional data
    // besides, the cipher alone.
    let hex (text: string) = Convert.FromHexString text
    let key = hex "feffe9928665731c6d6a8f9467308308"

    let plain =
        hex (
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
            + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
        )

    let third = FlowCipher.encrypt key (hex "cafebabefacedbaddecaf888") plain
    Assert.Equal("4d5c2af327cd64a62cf35abd2ba6fab4", Convert.ToHexStringLower third[third.Length - 16 ..])

    let begins (vector: string) (cipher: string) =
        let found = FlowCipher.encrypt key (hex vector) plain
        Assert.StartsWith(cipher, Convert.ToHexStringLower found)

    begins "cafebabefacedbad" "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c7423"

    begins
        ("9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539"
         + "fcf0e2429a6b525416aedbf5a0de6a57a637b39b")
        "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca7"

[<Fact>]
let ``the cipher is .NET's own for vectors of 12 bytes, opens what it sealed, and nothing that was changed``
    ()
    =
    let property (data: byte array) (seed: int) (place: PositiveInt) =
        let random = Random seed

        let bytes count =
            Array.init count (fun _ -> byte (random.Next 256))

        let key, short, long = bytes 16, bytes 12, bytes 16
        use own = new AesGcm(key, 16)
        let cipher, tag = Array.zeroCreate data.Length, Array.zeroCreate 16
        own.Encrypt(short, data, cipher, tag)
        let found = FlowCipher.encrypt key long data
        let broken = Array.copy found
        let at = place.Get % broken.Length
        broken[at] <- broken[at] ^^^ 1uy

        FlowCipher.encrypt key short data = Array.append cipher tag
        && FlowCipher.decrypt key long found = Some data
        && FlowCipher.decrypt key long broken = None
        && FlowCipher.decrypt key (FlowCipher.flipped long) found = None

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 200, property)
