/// The emulator's webhooks: bytes, signature, repetitions, order, statuses, and what outlives a restart.
module FunctionalBot.Tests.WhatsAppEmulatorWebhookTests

open System
open System.Collections.Concurrent
open System.Net
open System.Net.Http
open System.Security.Cryptography
open System.Text
open FsCheck
open FsCheck.FSharp
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Emulators.WhatsApp
open FunctionalBot.Tests.WhatsAppEmulatorStage

[<Fact>]
let ``a webhook is ASCII with escaped slashes, and its signature is over exactly these bytes`` () =
    onStage (fun stage -> task {
        write stage "¿Años? 20/11 \"ñ\" 😀" |> ignore
        do! quiet stage
        let hook = Assert.Single stage.Hooks
        let text = Encoding.ASCII.GetString hook.Body
        Assert.All(hook.Body, (fun value -> Assert.True(value >= 32uy && value < 127uy)))
        Assert.Contains("\\u00bfA\\u00f1os? 20\\/11 \\\"\\u00f1\\\" \\ud83d\\ude00", text)
        use mac = new HMACSHA256(Encoding.UTF8.GetBytes settings.AppSecret)

        Assert.Equal(
            "sha256=" + Convert.ToHexString(mac.ComputeHash hook.Body).ToLowerInvariant(),
            hook.Signature
        )
    })

[<Fact>]
let ``any text comes through the escaped form unchanged`` () =
    let property (drawn: string | null) =
        let text = Option.ofObj drawn |> Option.defaultValue ""
        // Half a surrogate pair is no text; JSON readers refuse it.
        let whole = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text: string))

        let value =
            Json.Fields [
                whole, Json.Items [ Json.Text whole; Json.Number 1.5; Json.Null; Json.Flag true ]
            ]

        let escaped = Json.writeEscaped value

        Json.parse escaped = Ok value
        && Json.parse (Json.write value) = Ok value
        && Seq.forall (fun character -> character >= ' ' && character <= '~') escaped

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 500, property)

[<Fact>]
let ``each customer's webhook carries the ids that the business may know`` () =
    onStage (fun stage -> task {
        for customer in [ "ana"; "tomas"; "beatriz" ] do
            Assert.True(Result.isOk (stage.Emulator.Customers.Text customer "Hola" None))
            do! quiet stage

        let text names value = Json.textAt names value

        let contacts =
            received "contacts" stage
            |> List.map (fun c -> text [ "wa_id" ] c, text [ "user_id" ] c)

        let messages =
            received "messages" stage
            |> List.map (fun m -> text [ "from" ] m, text [ "from_user_id" ] m)

        let expected = [
            Some "34600111222", Some "ES.13491208655302741918"
            None, Some "AR.20817345520968113374"
            Some "5511987650000", None
        ]

        Assert.Equal<(string option * string option) list>(expected, contacts)
        Assert.Equal<(string option * string option) list>(expected, messages)
    })

[<Fact>]
let ``a webhook that is not answered with exactly 200 comes again, byte for byte, until it is`` () =
    let answers = [| 500; 401; 204; 302 |]

    staged quick (fun number -> if number < answers.Length then answers[number] else 200) (fun stage -> task {
        let id = write stage "Hola"
        do! quiet stage
        Assert.Equal(5, stage.Hooks.Count)
        let first = Seq.head stage.Hooks
        Assert.All(stage.Hooks, (fun hook -> Assert.Equal<byte array>(first.Body, hook.Body)))
        let delivery = Assert.Single(stage.Emulator.Deliveries())
        Assert.Equal((5, true), (delivery.Attempts, delivery.Accepted))
        Assert.Equal(Some Delivered, stage.Emulator.Conversations.Find id |> Option.map _.Progress)
    })

[<Fact>]
let ``what is written while the bot is down arrives in order once it is up`` () = task {
    use listener = new Sockets.TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    let port = (listener.LocalEndpoint :?> IPEndPoint).Port
    listener.Stop()

    let! emulator =
        WhatsAppEmulator.start {
            quick with
                WebhookUrl = Some(Uri $"http://127.0.0.1:%d{port}/webhook")
        }

    let texts = [ "uno"; "dos"; "tres" ]

    for text in texts do
        Assert.True(Result.isOk (emulator.Customers.Text "ana" text None))

    do! emulator.Until "a failed attempt" patience (fun () -> not (emulator.Deliveries()).IsEmpty)
    Assert.Equal(3, emulator.Pending())
    let hooks = ConcurrentQueue()
    let! webhook = receiver hooks (fun _ -> 200)
    emulator.SetWebhook webhook.Address
    do! emulator.Until "the delivery" patience (fun () -> emulator.Pending() = 0)

    let bodies =
        List.ofSeq hooks
        |> List.collect (values "messages")
        |> List.choose (Json.textAt [ "text"; "body" ])

    Assert.Equal<string list>(texts, bodies)
    do! emulator.Stop()
    do! webhook.Stop()
}

[<Fact>]
let ``sent, delivered and read follow a message and carry its callback data`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore
        let data = "sesión/7/3 «ñ»"

        let body =
            Json.over (textTo "Hola") (Json.Fields [ "biz_opaque_callback_data", Json.Text data ])

        let! _, answer = post stage body
        do! stage.Emulator.Until "the statuses" patience (fun () -> (statusNames stage).Length = 3)
        let statuses = received "statuses" stage
        Assert.Equal<string list>([ "sent"; "delivered"; "read" ], statusNames stage)

        for status in statuses do
            Assert.Equal(Some(sentId answer), Json.textAt [ "id" ] status)
            Assert.Equal(Some data, Json.textAt [ "biz_opaque_callback_data" ] status)
            Assert.Equal(Some "34600111222", Json.textAt [ "recipient_id" ] status)
            Assert.Equal(Some "ES.13491208655302741918", Json.textAt [ "recipient_user_id" ] status)

        Assert.Equal(Some "PMP", Json.textAt [ "pricing"; "pricing_model" ] statuses[0])
    })

[<Fact>]
let ``a page of another site, or another name for this machine, cannot drive the emulator`` () =
    onStage (fun stage -> task {
        let attempt (name: string) (value: string) = task {
            use message =
                new HttpRequestMessage(HttpMethod.Post, Uri(stage.Emulator.Address, "/_emulator/send"))

            message.Headers.TryAddWithoutValidation(name, value) |> ignore
            message.Content <- new StringContent("{\"customer\":\"ana\",\"text\":\"Hola\"}")
            use! response = client.SendAsync message
            return response.StatusCode
        }

        let! foreign = attempt "Origin" "https://example.com"
        let! opaque = attempt "Origin" "null"
        let! renamed = attempt "Host" "rebound.example.com"

        let! otherPort = attempt "Origin" "http://localhost:1"
        let! embedded = attempt "Sec-Fetch-Site" "cross-site"

        Assert.All(
            [ foreign; opaque; renamed; otherPort; embedded ],
            (fun status -> Assert.Equal(HttpStatusCode.Forbidden, status))
        )

        let! own = attempt "Origin" $"http://localhost:%d{stage.Emulator.Address.Port}"
        Assert.Equal(HttpStatusCode.OK, own)
    })

[<Fact>]
let ``conversations and waiting webhooks outlive a restart`` () = task {
    let file =
        IO.Path.Combine(IO.Path.GetTempPath(), $"emulator-%O{Guid.NewGuid()}.json")

    let kept = { quick with DataFile = Some file }

    try
        let! first = WhatsAppEmulator.start kept
        Assert.True(Result.isOk (first.Customers.Text "ana" "¿Hay alguien?" None))
        let before = first.Conversations.Thread "ana"
        do! first.Stop()

        do!
            staged kept (fun _ -> 200) (fun stage -> task {
                do! quiet stage
                let after = stage.Emulator.Conversations.Thread "ana"
                Assert.Equal<string list>(before |> List.map _.Id, after |> List.map _.Id)
                let ids = received "messages" stage |> List.choose (Json.textAt [ "id" ])
                Assert.Equal<string list>(before |> List.map _.Id, ids)
            })
    finally
        IO.File.Delete file
}
