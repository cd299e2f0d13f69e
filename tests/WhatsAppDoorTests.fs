/// Bodies through the door itself: signed, posted, stored and decided.
module FunctionalBot.Tests.WhatsAppDoorTests

open System
open System.Collections.Concurrent
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks
open FsCheck
open FsCheck.FSharp
open Microsoft.AspNetCore.Http
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Web
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.WhatsAppSamples
open Xunit

let private secret = "a secret of the tests"

let private settings: Webhook.WebhookSettings = {
    AppSecrets = [ secret ]
    VerifyToken = "a token of the tests"
}

/// A door with a store behind it.
[<NoComparison; NoEquality>]
type private Entrance = {
    Store: StorePort
    /// How each thing that came ended.
    Inbox: unit -> Map<string * string, Ending option>
    Receiver: Webhook.Receiver
    /// What went wrong while storing.
    Trouble: ConcurrentQueue<exn>
}

/// Opens a door to this store for as long as the work takes.
let private withStore (store: StorePort) inbox (work: Entrance -> unit) =
    let receiver = Webhook.receiver (worldOf (fun () -> start)) store ignore
    use stop = new CancellationTokenSource()
    let running = Task.Run(fun () -> receiver.Run stop.Token)

    work {
        Store = store
        Inbox = inbox
        Receiver = receiver
        Trouble = ConcurrentQueue()
    }

    stop.Cancel()
    running.GetAwaiter().GetResult()

let private storeWith faults =
    MemoryStore.create (worldOf (fun () -> start)) (TimeSpan.FromSeconds 60.) faults

let private withDoor (work: Entrance -> unit) =
    let store = storeWith (fun _ -> Works)
    withStore store.Port (fun () -> (store.Look()).Inbox) work

/// Posts a body under this header; the status of the answer.
let private postSigned (entrance: Entrance) (header: string) (body: byte[]) : int =
    let context = DefaultHttpContext()
    context.Request.Method <- "POST"
    context.Request.Body <- new MemoryStream(body)
    context.Request.ContentLength <- int64 body.Length

    if header <> "" then
        context.Request.Headers["X-Hub-Signature-256"] <- header

    (Webhook.receive settings (fun () -> start) entrance.Receiver ignore entrance.Trouble.Enqueue context)
        .GetAwaiter()
        .GetResult()

    context.Response.StatusCode

let private signature (body: byte[]) =
    WhatsAppSignature.sign (Encoding.UTF8.GetBytes secret) (ReadOnlyMemory body)

let private post entrance (body: byte[]) =
    postSigned entrance (signature body) body

let private postText entrance (body: string) =
    post entrance (Encoding.UTF8.GetBytes body)

/// Decides all that waits. Afterwards nothing waits, and everything that came is accounted for.
let private settle (entrance: Entrance) =
    let store = entrance.Store

    (task {
        let mutable ended = 1

        while ended > 0 do
            let! count = store.Decide 1000 (decideAt start)
            ended <- count

        let! account = store.Accounting()
        Assert.Equal(0L, account.Pending)
        Assert.Equal(account.Received, account.Ended |> Map.toSeq |> Seq.sumBy snd)
    })
        .GetAwaiter()
        .GetResult()

/// Posts it and decides what it brought: 200, and no trouble.
let private passes entrance (body: byte[]) =
    Assert.Equal(200, post entrance body)
    settle entrance
    Assert.Empty entrance.Trouble

let private passesText entrance (body: string) =
    passes entrance (Encoding.UTF8.GetBytes body)

/// Ids that no other run of a property uses.
let private number = ref 0

let private fresh () =
    string (Interlocked.Increment &number.contents)

let private samples = [
    for _, members, _ in WhatsAppMessageTests.readable do
        // JsonNode, which makes the changes, cannot write half an emoji back.
        if not (members.Contains "\\u0000") then
            members
    for _, members in WhatsAppMessageTests.keptWhole @ WhatsAppMessageTests.nothing do
        members
]

let private statusOf id word =
    $"""{{"id":"wamid.%s{id}","status":"%s{word}","timestamp":"1790000002","recipient_id":"34600111222"}}"""

let private batch (messages: string list) (statuses: string list) =
    bodyWith (
        "\"contacts\":["
        + ana
        + "],\"messages\":["
        + String.Join(",", messages)
        + "],\"statuses\":["
        + String.Join(",", statuses)
        + "]"
    )

[<Fact>]
let ``arbitrary JSON gets its 200, wherever in a body it stands`` () =
    withDoor (fun entrance ->
        let property (node: string) =
            passesText entrance node
            passesText entrance ("{\"entry\":" + node + "}")
            passesText entrance ("{\"entry\":[{\"changes\":[{\"value\":" + node + "}]}]}")
            passesText entrance (bodyWith ("\"messages\":" + node + ",\"contacts\":" + node))
            passesText entrance (bodyWith ("\"statuses\":" + node + ",\"errors\":" + node))

            passesText
                entrance
                (bodyOf [
                    "{\"id\":\"wamid." + fresh () + "\",\"from\":\"346001\",\"text\":" + node + "}"
                ])

        Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll (Arb.fromGen json) property))

[<Fact>]
let ``a signed body in which any member became anything else gets its 200`` () =
    withDoor (fun entrance ->
        let inputs =
            Gen.zip3 (Gen.listOfLength 3 (Gen.elements samples)) (Gen.choose (0, 10_000)) json
            |> Arb.fromGen

        let property (members: string list, position, node) =
            let body =
                batch [ for one in members -> message (fresh ()) one ] [ statusOf (fresh ()) "read" ]

            passesText entrance (withMemberReplaced body position node)

        Check.One(Config.QuickThrowOnFailure.WithMaxTest 500, Prop.forAll inputs property))

[<Fact>]
let ``a signed body in which any bytes were changed gets its 200`` () =
    withDoor (fun entrance ->
        let bytes =
            Encoding.UTF8.GetBytes(
                batch [ for members in samples -> message (fresh ()) members ] [ statusOf (fresh ()) "read" ]
            )

        let inputs =
            Gen.zip (Gen.choose (0, bytes.Length - 1)) (Gen.choose (0, 255))
            |> Gen.listOfLength 3
            |> Arb.fromGen

        let property (changes: (int * int) list) =
            let changed = Array.copy bytes

            for position, value in changes do
                changed[position] <- byte value

            passes entrance changed

        Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll inputs property)

        // And one that ends too early, at any place.
        for length in 0..97 .. bytes.Length do
            passes entrance (Array.truncate length bytes))

[<Fact>]
let ``each element of a valid batch comes through beside any other element`` () =
    withDoor (fun entrance ->
        let deep levels =
            String.replicate levels "{\"messages\":[" + String.replicate levels "]}"

        let bad =
            Gen.frequency [
                6, json
                1, Gen.choose (50, 2_000) |> Gen.map deep
                1, Gen.elements [ "null"; "[]"; "{}"; "\"\\ud800\""; "1e999"; "{\"\\udc00\":1}" ]
            ]

        let inputs =
            Gen.zip3
                (Gen.listOfLength 4 (Gen.elements samples))
                (Gen.choose (0, 4))
                (Gen.zip bad (Gen.elements [ "sent"; "delivered"; "failed"; "warning" ]))
            |> Arb.fromGen

        let property (members: string list, place: int, (node: string, word: string)) =
            let ids = members |> List.map (fun _ -> fresh ())
            let messages = List.map2 message ids members |> List.insertAt place node
            let statusId = fresh ()
            let statuses = [ node; statusOf statusId word; node ]
            passesText entrance (batch messages statuses)
            let inbox = entrance.Inbox()

            let isKnown source id =
                match inbox.TryFind(source, "wamid." + id) with
                | Some(Some _) -> true
                | Some None
                | None -> false

            for id in ids do
                Assert.True(isKnown "whatsapp" id || isKnown "webhook" id, $"message %s{id} beside %s{node}")

            Assert.True(isKnown "status" (statusId + ":" + word), $"status %s{statusId} beside %s{node}")

        Check.One(Config.QuickThrowOnFailure.WithMaxTest 400, Prop.forAll inputs property))

[<Fact>]
let ``texts beside a bad element are answered`` () =
    withDoor (fun entrance ->
        for levels in [ 63; 64; 65; 1_000; 100_000 ] do
            let before, after = fresh (), fresh ()
            let nested = String.replicate levels "[" + String.replicate levels "]"

            let greeting id =
                message id $""" "type":"text","text":{{"body":"hola %s{id}"}} """

            passesText entrance (bodyOf [ greeting before; nested; greeting after ])
            let inbox = entrance.Inbox()

            for id in [ before; after ] do
                match inbox["whatsapp", "wamid." + id] with
                | Some(Applied _) -> ()
                | other -> failwith $"%d{levels}: %A{other}")

[<Fact>]
let ``bytes that are no UTF-8 get their 200, and what is unsigned or too large does not`` () =
    withDoor (fun entrance ->
        let good =
            Encoding.UTF8.GetBytes(bodyOf [ message (fresh ()) """ "type":"text","text":{"body":"#"} """ ])

        passes entrance (good |> Array.map (fun unit -> if unit = byte '#' then 0xFFuy else unit))
        passes entrance [| 0xFFuy; 0xFEuy; 0uy |]
        passes entrance [||]

        Assert.Equal(401, postSigned entrance "" good)
        Assert.Equal(401, postSigned entrance (signature [||]) good)
        Assert.Equal(401, postSigned entrance "sha256=nonsense" good)
        Assert.Equal(200, post entrance (Array.create Webhook.bodyLimit (byte ' ')))
        Assert.Equal(413, post entrance (Array.create (Webhook.bodyLimit + 1) (byte ' '))))

[<Fact>]
let ``while nothing can be stored Meta is asked to send the same again`` () =
    withStore (storeWith (fun _ -> FailsBefore)).Port (fun () -> Map.empty) (fun entrance ->
        Assert.Equal(503, postText entrance (bodyOf []))
        Assert.Single entrance.Trouble |> ignore)

[<Fact>]
let ``PostgreSQL: whatever a body holds can be stored and decided`` () : Task = task {
    use! bench = startBench ()

    withStore bench.Store (fun () -> Map.empty) (fun entrance ->
        let property (node: string, members: string) =
            passesText entrance node
            passesText entrance (bodyWith ("\"messages\":" + node + ",\"contacts\":" + node))
            passesText entrance (bodyWith ("\"statuses\":" + node + ",\"errors\":" + node))
            passesText entrance (batch [ message (fresh ()) members; node ] [ node ])

        let inputs =
            Gen.zip json (Gen.elements [ for _, members, _ in WhatsAppMessageTests.readable -> members ])
            |> Arb.fromGen

        Check.One(Config.QuickThrowOnFailure.WithMaxTest 60, Prop.forAll inputs property))
}
