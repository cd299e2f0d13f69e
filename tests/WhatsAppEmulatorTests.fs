/// The WhatsApp emulator held against references/whatsapp-cloud-api.md: its limits, error shapes, webhooks
/// and faults.
module FunctionalBot.Tests.WhatsAppEmulatorTests

open System
open System.Collections.Concurrent
open System.Net
open System.Net.Http
open System.Net.Http.Headers
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

let private patience = TimeSpan.FromSeconds 30.0
let private settings = Settings.standard
let private client = new HttpClient()

/// A webhook as the receiver has got it.
type private Hook = { Signature: string; Body: byte array }

/// An emulator, and the webhook that it calls: `answer` gives the status for the n-th call, from 0.
[<NoComparison; NoEquality>]
type private Stage = {
    Emulator: Emulator
    Hooks: ConcurrentQueue<Hook>
}

let private receiver (hooks: ConcurrentQueue<Hook>) (answer: int -> int) =
    Hosting.start 0 3_000_000L (fun app ->
        app.Run(
            RequestDelegate(fun context -> task {
                let! body = Exchange.readBytes context
                let number = hooks.Count

                hooks.Enqueue {
                    Signature = string context.Request.Headers["X-Hub-Signature-256"]
                    Body = body
                }

                context.Response.StatusCode <- answer number
            })
        ))

let private quick = {
    settings with
        FirstRetry = TimeSpan.FromMilliseconds 5.0
}

let private staged started answer (play: Stage -> Task<unit>) : Task = task {
    let hooks = ConcurrentQueue()
    let! webhook = receiver hooks answer

    let! emulator =
        WhatsAppEmulator.start {
            started with
                WebhookUrl = Some webhook.Address
        }

    try
        do! play { Emulator = emulator; Hooks = hooks }
    finally
        emulator.Stop().Wait()
        webhook.Stop().Wait()
}

let private onStage play = staged quick (fun _ -> 200) play

let private quiet stage =
    stage.Emulator.Until "the delivery of every webhook" patience (fun () -> stage.Emulator.Pending() = 0)

let private request (stage: Stage) (method: HttpMethod) (path: string) (token: string) (body: string option) =
    task {
        use message = new HttpRequestMessage(method, Uri(stage.Emulator.Address, path))
        message.Headers.Authorization <- AuthenticationHeaderValue("Bearer", token)

        body
        |> Option.iter (fun text ->
            message.Content <- new StringContent(text, Encoding.UTF8, "application/json"))

        use! response = client.SendAsync message
        let! text = response.Content.ReadAsStringAsync()
        return int response.StatusCode, Json.parse text |> Result.defaultValue Json.Null
    }

let private messagesPath = $"/v25.0/%s{settings.PhoneNumberId}/messages"

let private post stage (body: Json.Json) =
    request stage HttpMethod.Post messagesPath settings.AccessToken (Some(Json.write body))

let private toAna kind content =
    Json.Fields [
        "messaging_product", Json.Text "whatsapp"
        "recipient_type", Json.Text "individual"
        "to", Json.Text "+34600111222"
        "type", Json.Text kind
        kind, content
    ]

let private textTo body =
    toAna "text" (Json.Fields [ "body", Json.Text body ])

let private write stage text =
    match stage.Emulator.Customers.Text "ana" text None with
    | Ok id -> id
    | Error problem -> failwith problem

let private errorCode answer =
    Json.givenAt [ "error"; "code" ] answer
    |> Option.bind Json.asNumber
    |> Option.map int

let private sentId answer =
    match Json.given "messages" answer |> Option.map Json.items with
    | Some [ message ] -> Json.textAt [ "id" ] message |> Option.defaultValue ""
    | _ -> failwith $"no message in %s{Json.write answer}"

let private values name (hook: Hook) = [
    let body =
        Json.parseBytes (ReadOnlyMemory hook.Body) |> Result.defaultValue Json.Null

    for entry in Json.itemsField "entry" body do
        for change in Json.itemsField "changes" entry do
            yield!
                Json.givenAt [ "value"; name ] change
                |> Option.map Json.items
                |> Option.defaultValue []
]

let private received name stage =
    List.ofSeq stage.Hooks |> List.collect (values name)

let private statusNames stage =
    received "statuses" stage |> List.choose (Json.textAt [ "status" ])

let private repeat count = String('a', count)

let private buttons titles =
    let button index (title: string) =
        Json.Fields [
            "type", Json.Text "reply"
            "reply", Json.Fields [ "id", Json.Text $"id%d{index}"; "title", Json.Text title ]
        ]

    Json.Fields [
        "type", Json.Text "button"
        "body", Json.Fields [ "text", Json.Text "¿Seguimos?" ]
        "action", Json.Fields [ "buttons", Json.Items(List.mapi button titles) ]
    ]

let private list count titleLength descriptionLength =
    let row index =
        Json.Fields [
            "id", Json.Text $"row%d{index}"
            "title", Json.Text(repeat titleLength)
            "description", Json.Text(repeat descriptionLength)
        ]

    Json.Fields [
        "type", Json.Text "list"
        "body", Json.Fields [ "text", Json.Text "Elige" ]
        "action",
        Json.Fields [
            "button", Json.Text "Ver"
            "sections", Json.Items [ Json.Fields [ "rows", Json.Items(List.init count row) ] ]
        ]
    ]

let private withPart name value interactive =
    Json.over interactive (Json.Fields [ name, value ])

let private body length =
    Json.Fields [ "text", Json.Text(repeat length) ]

/// Each limit: what is just allowed, and what is just too much.
let private limits: (string * Json.Json * Json.Json) list =
    let interactive = toAna "interactive"
    let link = Json.Text "https://example.com/foto.jpg"

    let image length =
        toAna "image" (Json.Fields [ "link", link; "caption", Json.Text(repeat length) ])

    let callback length =
        Json.over (textTo "Hola") (Json.Fields [ "biz_opaque_callback_data", Json.Text(repeat length) ])

    let cards count =
        let card = Json.Fields [ "name", Json.Fields [ "formatted_name", Json.Text "Ana" ] ]
        toAna "contacts" (Json.Items(List.replicate count card))

    let header length =
        Json.Fields [ "type", Json.Text "text"; "text", Json.Text(repeat length) ]

    let footer length = body length
    let two = buttons [ "Sí"; "No" ]

    [
        "a text", textTo (repeat 4096), textTo (repeat 4097)
        "an interactive body",
        interactive (withPart "body" (body 1024) two),
        interactive (withPart "body" (body 1025) two)
        "a header",
        interactive (withPart "header" (header 60) two),
        interactive (withPart "header" (header 61) two)
        "a footer",
        interactive (withPart "footer" (footer 60) two),
        interactive (withPart "footer" (footer 61) two)
        "the number of buttons",
        interactive (buttons [ "a"; "b"; "c" ]),
        interactive (buttons [ "a"; "b"; "c"; "d" ])
        "at least one button", interactive (buttons [ "a" ]), interactive (buttons [])
        "a button's title", interactive (buttons [ repeat 20 ]), interactive (buttons [ repeat 21 ])
        "different titles", interactive (buttons [ "a"; "b" ]), interactive (buttons [ "a"; "a" ])
        "the number of rows", interactive (list 10 24 72), interactive (list 11 24 72)
        "a row's title", interactive (list 1 24 72), interactive (list 1 25 72)
        "a row's description", interactive (list 1 24 72), interactive (list 1 24 73)
        "a caption", image 1024, image 1025
        "callback data", callback 512, callback 513
        "contact cards", cards 257, cards 258
    ]

[<Fact>]
let ``every limit of Meta's is allowed at its border and refused one above`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore
        do! quiet stage

        for name, allowed, refused in limits do
            let! status, answer = post stage allowed
            let isTaken = (status = 200)
            Assert.True(isTaken, $"%s{name}: %s{Json.write answer}")
            let! status, answer = post stage refused
            let isRefused = (status, errorCode answer) = (400, Some 131009)
            Assert.True(isRefused, $"%s{name}: %s{Json.write answer}")

        Assert.Equal(1 + limits.Length, (stage.Emulator.Conversations.Thread "ana").Length)
    })

[<Fact>]
let ``an error has Graph's shape and says what is wrong`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore
        let! status, answer = post stage (textTo (repeat 4097))
        Assert.Equal(400, status)
        let error = Json.given "error" answer |> Option.defaultValue Json.Null

        Assert.Equal<string list>(
            [ "message"; "type"; "code"; "error_data"; "fbtrace_id" ],
            Json.fields error |> List.map fst
        )

        Assert.Equal(Some "(#131009) Parameter value is not valid", Json.textAt [ "message" ] error)
        Assert.Equal(Some "OAuthException", Json.textAt [ "type" ] error)
        Assert.Equal(Some "whatsapp", Json.textAt [ "error_data"; "messaging_product" ] error)

        Assert.Contains(
            "text['body']",
            Json.textAt [ "error_data"; "details" ] error |> Option.defaultValue ""
        )
    })

[<Fact>]
let ``a wrong token is error 190 with status 401, an unknown object 100 with subcode 33, an unknown path 404``
    ()
    =
    onStage (fun stage -> task {
        let! status, answer =
            request stage HttpMethod.Post messagesPath "stale" (Some(Json.write (textTo "Hola")))

        Assert.Equal((401, Some 190), (status, errorCode answer))

        let! status, answer =
            request stage HttpMethod.Post "/v25.0/999/messages" settings.AccessToken (Some "{}")

        Assert.Equal((400, Some 100), (status, errorCode answer))
        Assert.Equal(Some(Json.Whole 33), Json.givenAt [ "error"; "error_subcode" ] answer)

        let! status, answer =
            request stage HttpMethod.Get "/v25.0/unknown/path" settings.AccessToken None

        Assert.Equal((404, Some 2500), (status, errorCode answer))
    })

[<Fact>]
let ``a missing field is 131008, and a recipient is a number or a user id but not the business itself`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore

        let recipient fields =
            Json.Fields(
                ("messaging_product", Json.Text "whatsapp")
                :: ("text", Json.Fields [ "body", Json.Text "Hola" ])
                :: fields
            )

        let! _, nobody = post stage (recipient [])
        Assert.Equal(Some 131008, errorCode nobody)
        let! _, strange = post stage (recipient [ "recipient", Json.Text "tomas" ])
        Assert.Equal(Some 131009, errorCode strange)

        let! _, self =
            post stage (recipient [ "to", Json.Text $"+%s{settings.BusinessNumber}" ])

        Assert.Equal(Some 131021, errorCode self)
        let! _, product = post stage (Json.Fields [ "to", Json.Text "34600111222" ])
        Assert.Equal(Some 100, errorCode product)
        // The number wins when both are there.
        let both = [
            "to", Json.Text "+34600111222"
            "recipient", Json.Text "AR.20817345520968113374"
        ]

        let! status, _ = post stage (recipient both)
        Assert.Equal(200, status)
        Assert.Equal(2, (stage.Emulator.Conversations.Thread "ana").Length)
    })

[<Fact>]
let ``outside the 24 hours only a template reaches the customer`` () =
    onStage (fun stage -> task {
        let! _, never = post stage (textTo "Hola")
        Assert.Equal(Some 131047, errorCode never)
        write stage "Hola" |> ignore
        let! status, _ = post stage (textTo "¿En qué te ayudo?")
        Assert.Equal(200, status)
        stage.Emulator.Conversations.MoveClock(TimeSpan.FromHours 24.0)
        let! status, late = post stage (textTo "¿Sigues ahí?")
        Assert.Equal((400, Some 131047), (status, errorCode late))

        let template =
            Json.Fields [
                "name", Json.Text "hello_world"
                "language", Json.Fields [ "code", Json.Text "en_US" ]
            ]

        let! status, _ = post stage (toAna "template" template)
        Assert.Equal(200, status)
        let unknown = Json.over template (Json.Fields [ "name", Json.Text "other" ])
        let! status, answer = post stage (toAna "template" unknown)
        Assert.Equal((404, Some 132001), (status, errorCode answer))
    })

[<Fact>]
let ``the forty-sixth message at once to one customer breaks the pair limit`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore

        for _ in 1..45 do
            let! status, _ = post stage (textTo "Hola")
            Assert.Equal(200, status)

        let! status, answer = post stage (textTo "Hola")
        Assert.Equal((400, Some 131056), (status, errorCode answer))
    })

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

let private statusesUnder fault = task {
    let mutable names = []

    do!
        onStage (fun stage -> task {
            write stage "Hola" |> ignore
            do! quiet stage
            stage.Emulator.Faults.Set { Faults.none with Statuses = fault }
            let! _, answer = post stage (textTo "Hola")
            let id = sentId answer

            do!
                stage.Emulator.Until "read on the phone" patience (fun () ->
                    stage.Emulator.Conversations.Find id |> Option.map _.Progress = Some Read)

            // A last message of the customer: what was on its way before has come once it is there.
            stage.Emulator.Customers.Text "ana" "Adiós" None |> ignore
            do! quiet stage
            names <- statusNames stage
        })

    return names
}

[<Fact>]
let ``statuses can be dropped, reversed and doubled`` () = task {
    let! dropped = statusesUnder Dropped
    Assert.Equal<string list>([], dropped)
    let! reversed = statusesUnder Reversed
    Assert.Equal<string list>([ "read"; "delivered"; "sent" ], reversed)
    let! doubled = statusesUnder Doubled
    Assert.Equal<string list>([ "sent"; "sent"; "delivered"; "delivered"; "read"; "read" ], doubled)
}

[<Fact>]
let ``with a lost answer the customer has the message and the caller has nothing`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore
        do! quiet stage

        stage.Emulator.Faults.Set {
            Faults.none with
                LostAnswer = Faults.next 1
        }

        let! _ =
            Assert.ThrowsAsync<HttpRequestException>(fun () -> post stage (textTo "Perdida"))

        let last = stage.Emulator.Conversations.Thread "ana" |> List.last
        Assert.Equal(Some "Perdida", Json.textAt [ "text"; "body" ] last.Content)
        do! stage.Emulator.Until "the statuses" patience (fun () -> (statusNames stage).Length = 3)
        let! status, _ = post stage (textTo "Otra")
        Assert.Equal(200, status)
        Assert.Equal<int list>([ 0; 200 ], stage.Emulator.Requests() |> List.map _.Status)
    })

[<Fact>]
let ``a send error strikes as often as it is told to, and the message is not taken`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore

        stage.Emulator.Faults.Set {
            Faults.none with
                SendError = Faults.next 2
                SendErrorCode = 131000
        }

        let! first, answer = post stage (textTo "Hola")
        let! second, _ = post stage (textTo "Hola")
        let! third, _ = post stage (textTo "Hola")
        Assert.Equal(Some 131000, errorCode answer)
        Assert.Equal<int list>([ 500; 500; 200 ], [ first; second; third ])
        Assert.Equal(2, (stage.Emulator.Conversations.Thread "ana").Length)
    })

[<Fact>]
let ``a message can fail after it was taken`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore

        stage.Emulator.Faults.Set {
            Faults.none with
                FailAfterwards = Faults.next 1
                FailureCode = 131026
        }

        let! status, _ = post stage (textTo "Hola")
        Assert.Equal(200, status)
        do! stage.Emulator.Until "both statuses" patience (fun () -> (statusNames stage).Length = 2)
        Assert.Equal<string list>([ "sent"; "failed" ], statusNames stage)
        let failed = received "statuses" stage |> List.last

        let error = Json.itemsField "errors" failed |> List.exactlyOne

        Assert.Equal(Some(Json.Whole 131026), Json.given "code" error)
    })

[<Fact>]
let ``a duplicated webhook comes twice with the same id, a wrongly signed one again with the right signature``
    ()
    =
    onStage (fun stage -> task {
        let right (hook: Hook) =
            hook.Signature = Payload.signature settings.AppSecret hook.Body

        stage.Emulator.Faults.Set {
            Faults.none with
                Duplicate = Faults.next 1
        }

        let id = write stage "Hola"
        do! stage.Emulator.Until "the second copy" patience (fun () -> stage.Hooks.Count = 2)
        let ids = received "messages" stage |> List.choose (Json.textAt [ "id" ])
        Assert.Equal<string list>([ id; id ], ids)
        Assert.All(stage.Hooks, (fun hook -> Assert.True(right hook)))

        stage.Emulator.Faults.Set {
            Faults.none with
                WrongSignature = Faults.next 1
        }

        write stage "Otra" |> ignore
        do! stage.Emulator.Until "the third" patience (fun () -> stage.Hooks.Count = 3)
        Assert.False(right (Seq.last stage.Hooks))
    })

[<Fact>]
let ``updates can travel together in one webhook and out of order, and none is lost`` () =
    onStage (fun stage -> task {
        stage.Emulator.Faults.Set {
            Faults.none with
                BatchSize = 5
                Shuffle = 20
                Gather = 200
        }

        let ids = [ for number in 1..20 -> write stage $"%d{number}" ]
        do! quiet stage
        let got = received "messages" stage |> List.choose (Json.textAt [ "id" ])
        Assert.Equal<string list>(List.sort ids, List.sort got)
        Assert.NotEqual<string list>(ids, got)
        Assert.True(Seq.exists (fun hook -> (values "messages" hook).Length = 5) stage.Hooks)
    })

[<Fact>]
let ``reading marks earlier messages too, and typing lasts until the reply`` () =
    onStage (fun stage -> task {
        let first = write stage "Hola"
        let second = write stage "¿Estáis?"

        let progress id =
            stage.Emulator.Conversations.Find id |> Option.map _.Progress

        let read =
            Json.Fields [
                "messaging_product", Json.Text "whatsapp"
                "status", Json.Text "read"
                "message_id", Json.Text second
                "typing_indicator", Json.Fields [ "type", Json.Text "text" ]
            ]

        let! status, answer = post stage read
        Assert.Equal((200, Json.Fields [ "success", Json.Flag true ]), (status, answer))
        Assert.Equal<Progress option list>([ Some Read; Some Read ], [ progress first; progress second ])
        Assert.True (stage.Emulator.Conversations.TypingUntil "ana").IsSome
        let! _ = post stage (textTo "Sí")
        Assert.True (stage.Emulator.Conversations.TypingUntil "ana").IsNone
        let unknown = Json.over read (Json.Fields [ "message_id", Json.Text "wamid.none" ])
        let! _, answer = post stage unknown
        Assert.Equal(Some 131009, errorCode answer)
    })

[<Fact>]
let ``a tapped button arrives as its reply in the context of the message`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore
        let! _, answer = post stage (toAna "interactive" (buttons [ "Sí"; "No" ]))
        let asked = sentId answer
        Assert.True(Result.isError (stage.Emulator.Customers.Press "ana" asked "other"))
        Assert.True(Result.isOk (stage.Emulator.Customers.Press "ana" asked "id1"))
        do! quiet stage
        let reply = received "messages" stage |> List.last
        Assert.Equal(Some "button_reply", Json.textAt [ "interactive"; "type" ] reply)
        Assert.Equal(Some "id1", Json.textAt [ "interactive"; "button_reply"; "id" ] reply)
        Assert.Equal(Some "No", Json.textAt [ "interactive"; "button_reply"; "title" ] reply)
        Assert.Equal(Some asked, Json.textAt [ "context"; "id" ] reply)
        Assert.Equal(Some "id1", stage.Emulator.Conversations.Find asked |> Option.bind _.Chosen)
    })

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

[<Fact>]
let ``the same seed meets the same faults`` () =
    let property seed =
        let draws () =
            let switches = FaultSwitches seed

            switches.Set {
                Faults.none with
                    LostAnswer = Faults.chance 0.5
            }

            [
                for _ in 1..40 ->
                    switches.Strikes _.LostAnswer (fun all left -> { all with LostAnswer = left })
            ]

        draws () = draws ()

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 50, property)

[<Fact>]
let ``faults read back what they write, and name the switch that is wrong`` () =
    let faults = {
        Faults.none with
            Duplicate = Faults.next 3
            LostAnswer = Faults.chance 0.25
            Statuses = Reversed
            SendErrorStatus = Some 503
            PairLimit = false
    }

    Assert.Equal(Ok faults, Faults.ofJson Faults.none (Faults.toJson faults))

    match Faults.ofJson faults (Json.Fields [ "batchSize", Json.Text "many" ]) with
    | Error problem -> Assert.Contains("batchSize", problem)
    | Ok _ -> Assert.Fail "a batch size that is no number was taken"
