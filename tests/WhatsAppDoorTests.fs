/// Bodies through the door itself: signed, posted over HTTP, stored and decided.
module FunctionalBot.Tests.WhatsAppDoorTests

open System
open System.Collections.Concurrent
open System.Net.Http
open System.Text
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open FsCheck
open FsCheck.FSharp
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Emulators
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
    Address: Uri
    Store: StorePort
    /// How each thing that came ended.
    Inbox: unit -> Map<string * string, Ending option>
    /// What went wrong while storing.
    Trouble: ConcurrentQueue<exn>
}

let private client = new HttpClient(new SocketsHttpHandler(UseProxy = false))

/// Opens a door to this store for as long as the work takes, at an address of this machine.
let private withStore (store: StorePort) inbox (work: Entrance -> unit) =
    let receiver = Webhook.receiver (worldOf (fun () -> start)) store ignore
    let trouble = ConcurrentQueue()
    use stop = new CancellationTokenSource()
    let running = Task.Run(fun () -> receiver.Run stop.Token)

    let serve (context: HttpContext) =
        Webhook.receive settings (fun () -> start) receiver ignore trouble.Enqueue context

    let server =
        Hosting.start 0 (2L * int64 Webhook.bodyLimit) (fun app -> app.Run(RequestDelegate serve))
        |> _.GetAwaiter().GetResult()

    try
        work {
            Address = Uri(server.Address, "/webhook")
            Store = store
            Inbox = inbox
            Trouble = trouble
        }
    finally
        server.Stop().GetAwaiter().GetResult()
        stop.Cancel()
        running.GetAwaiter().GetResult()

let private storeWith faults =
    MemoryStore.create (worldOf (fun () -> start)) (TimeSpan.FromSeconds 60.) faults

let private withDoor (work: Entrance -> unit) =
    let store = storeWith (fun _ -> Works)
    withStore store.Port (fun () -> (store.Look()).Inbox) work

/// Posts a body under this header; the status of the answer.
let private postSigned (entrance: Entrance) (header: string) (body: byte[]) : int =
    use request = new HttpRequestMessage(HttpMethod.Post, entrance.Address)
    request.Content <- new ByteArrayContent(body)
    // A body that is turned away unread is not sent: the connection would be closed in the midst of it.
    request.Headers.ExpectContinue <- Nullable(body.Length > Webhook.bodyLimit)

    if header <> "" then
        request.Headers.Add("X-Hub-Signature-256", header)

    use response = client.Send request
    int response.StatusCode

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

/// The first entry of a body.
let private entryOf (body: string) : string =
    use document = JsonDocument.Parse body
    let entries = document.RootElement.GetProperty "entry"
    (entries.EnumerateArray() |> Seq.head).GetRawText()

/// A text of somebody who has written nothing before: who writes much is not answered each time.
let private greeting (id: string) =
    $"""{{"from":"346%s{id.PadLeft(9, '0')}","id":"wamid.%s{id}","timestamp":"1790000001","type":"text","text":{{"body":"hola"}}}}"""

/// Whether these messages were decided, and not ignored.
let private wereTaken entrance (ids: string list) =
    let inbox = entrance.Inbox()

    ids
    |> List.forall (fun id ->
        match inbox.TryFind("whatsapp", "wamid." + id) with
        | Some(Some(Applied _)) -> true
        | _ -> false)

[<Fact>]
let ``a body of any type in which anything was changed gets its 200, and the entry beside it is answered``
    ()
    =
    withDoor (fun entrance ->
        let bodies = WhatsAppElements.elements |> List.map snd

        let inputs =
            Gen.elements bodies
            |> Gen.bind (fun body ->
                Gen.zip
                    (MutatedJson.mutated names json body)
                    (MutatedJson.mutated names json (entryOf body)))
            |> Arb.fromGen

        let property (body: string, entry: string) =
            passesText entrance body
            let before, after = fresh (), fresh ()

            let entries = [
                entryOf (bodyWith $"\"messages\":[%s{greeting before}]")
                entry
                entryOf (bodyWith $"\"messages\":[%s{greeting after}]")
            ]

            passesText entrance ("{\"entry\":[" + String.Join(",", entries) + "]}")
            Assert.True(wereTaken entrance [ before; after ], entry)

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

        let changed =
            Gen.elements samples
            |> Gen.bind (fun members -> MutatedJson.mutated names json (message (fresh ()) members))

        let bad =
            Gen.frequency [
                6, json
                6, changed
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
            passesText entrance (bodyOf [ greeting before; nested; greeting after ])

            Assert.True(wereTaken entrance [ before; after ], $"%d{levels}"))

/// What somebody may send who means harm, or whose telephone is broken, as the message's members.
let private badInput: (string * string) list =
    let text body =
        $""" "type":"text","text":{{"body":%s{body}}} """

    [
        "bytes that are no UTF-8", text "\"# hola\""
        "nested 1,000 deep",
        text "\"hola\""
        + ",\"more\":"
        + String.replicate 1_000 "["
        + String.replicate 1_000 "]"
        "a text that is nested 1,000 deep", text (String.replicate 1_000 "[" + String.replicate 1_000 "]")
        "a number where a text belongs", text "42"
        "numbers where ids belong", """ "type":"image","image":{"id":700,"mime_type":3,"sha256":4.5} """
        "of the year 2286", text "\"hola\"" + ",\"timestamp\":\"9999999999\""
        "of before 1970", text "\"hola\"" + ",\"timestamp\":\"-86400\""
        "3 MB of emoji", text ("\"" + String.replicate 240_000 "\\ud83d\\ude00" + "\"")
        "nothing but what is not seen", text "\"\\u200b\\u200b\\u2060\\ufeff\""
        "writing turned round", text "\"\\u202efdp.exe\\u2066 hola\""
        "half an emoji and a NUL", text "\"a\\ud83d\\u0000\""
        "a card with a script in it",
        """ "type":"contacts","contacts":[{"name":{"formatted_name":"<script>alert(1)</script>"},"phones":"x"}] """
        "a choice that was never offered",
        """ "type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"../../etc","title":"Sí"}} """
        "a form that is no JSON",
        """ "type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","response_json":"{"}} """
        "a place nowhere", """ "type":"location","location":{"latitude":1e999,"longitude":"NaN"} """
        "an id of 100,000 digits", $""" "type":"document","document":{{"id":"%s{String('7', 100_000)}"}} """
        "a type that nobody knows", """ "type":"\u0000","x":1 """
    ]

/// A body of these messages, in which "#" is a byte that no text has.
let private withBrokenBytes (messages: string list) : byte[] =
    Encoding.UTF8.GetBytes(bodyOf messages)
    |> Array.map (fun unit -> if unit = byte '#' then 0xFFuy else unit)

[<Fact>]
let ``each bad input has an answer for who sent it, and so have its neighbours`` () =
    for name, members in badInput do
        let store = storeWith (fun _ -> Works)

        withStore store.Port (fun () -> (store.Look()).Inbox) (fun entrance ->
            let id = fresh ()
            passes entrance (withBrokenBytes [ message id members ])
            Assert.True(wereTaken entrance [ id ], name)

            let isAnswered =
                (store.Look()).Queued
                |> Map.exists (fun _ action -> action.IsSay || action.IsAskAssistant)

            Assert.True(isAnswered, name)
            let before, id, after = fresh (), fresh (), fresh ()
            passes entrance (withBrokenBytes [ greeting before; message id members; greeting after ])

            Assert.True(wereTaken entrance [ before; id; after ], name))

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
