/// Several business numbers in one process: each customer is answered from the number that he wrote to.
module FunctionalBot.Tests.NumbersTests

open System
open System.Net.Http
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.OdooAdapter
open FunctionalBot.Emulators.Json
open FunctionalBot.Tests.Protected
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Web

let private keyAt channel : CommandKey = {
    Session = {
        Channel = channel
        Customer = CustomerId "ES.1"
        Ordinal = 1
    }
    Version = 3L
    Ordinal = 0
}

let private settingsOf (address: Uri) id token : WhatsAppSettings = {
    GraphUrl = Uri(address, "/v25.0")
    Token = fun () -> token
    PhoneNumberId = id
    Timeout = TimeSpan.FromSeconds 20.
}

let private graph (asked: ScriptedServer.Asked) =
    if asked.Body.Contains "\"status\":\"read\"" then
        ScriptedServer.json """{"success":true}"""
    else
        ScriptedServer.json """{"messages":[{"id":"wamid.1"}]}"""

[<Fact>]
let ``each message and each mark goes to the number of its channel, with that number's token`` () =
    ScriptedServer.using graph (fun server -> task {
        use client = new HttpClient()

        let port =
            WhatsAppApi.forNumbers
                [
                    settingsOf server.Address "100" "EAAB-first"
                    settingsOf server.Address "200" "EAAB-second"
                ]
                client

        for channel in [ "whatsapp-200"; "whatsapp-100" ] do
            let! sent =
                port.Send (Outgoing.ofCommand (keyAt channel) recipient None (TextMessage "hola")) never

            Assert.True(sent.IsAccepted, $"%A{sent}")
            let! marked = port.MarkRead channel (MessageId "wamid.0") never
            Assert.True(marked.IsAccepted, $"%A{marked}")

        let seen =
            server.Asked()
            |> List.map (fun asked -> asked.Path, asked.Headers["authorization"])

        let second = "/v25.0/200/messages", "Bearer EAAB-second"
        let first = "/v25.0/100/messages", "Bearer EAAB-first"
        Assert.Equal<(string * string) list>([ second; second; first; first ], seen)
    })

/// A webhook of another number of the same app used to be answered from the number that is set.
[<Fact>]
let ``a customer of a number that is not set up is not answered from another number`` () =
    ScriptedServer.using graph (fun server -> task {
        use client = new HttpClient()
        let port = WhatsAppApi.create (settingsOf server.Address "100" "EAAB-first") client

        match!
            port.Send (Outgoing.ofCommand (keyAt "whatsapp-200") recipient None (TextMessage "hola")) never
        with
        | HeldBack(_, reason) -> Assert.Contains("BOT_NUMBERS", reason)
        | outcome -> failwith $"%A{outcome}"

        let! marked = port.MarkRead "whatsapp-200" (MessageId "wamid.0") never
        Assert.True(marked.IsRefused, $"%A{marked}")
        Assert.Empty(server.Asked())
    })

let private claimedAt channel action = onFirstTry (keyAt channel) action

let private question: AssistantQuestion = {
    Turn = 1L
    Assistant = Primary
    Hint = None
    Language = Spanish
    Message = None
}

let private customer: Customer = {
    Id = CustomerId "ES.1"
    Phone = None
    Name = None
}

/// Each number says its own name, wherever it is asked.
let private namedNumber name : Interpreter.NumberServices =
    let answers: AssistantPort = {
        Ask = fun _ _ -> Task.FromResult(Error(CannotAnswer name))
    }

    {
        Render = fun _ _ -> TextMessage name
        RenderText = fun _ -> name
        Assistant = answers
        StandIn = answers
        Tickets = {
            Create = fun _ _ _ _ _ -> Task.FromResult(Error(WillNotDo name))
            AddNote = fun _ _ _ _ -> Task.FromResult(Error(WillNotDo name))
            Attach = fun _ _ _ _ _ -> Task.FromResult(Error(WillNotDo name))
            Find = fun _ _ _ -> Task.FromResult(Error(WillNotDo name))
        }
    }

[<Fact>]
let ``a command is done with the words, the assistant and the tickets of its own number`` () : Task = task {
    let said = ResizeArray<OutboundMessage>()

    let services = {
        InterpreterTests.servicesWith
            (Accepted(MessageId "wamid.1"))
            InterpreterTests.unused
            (WillNotDo "unused") with
            For =
                function
                | "whatsapp-100" -> Some(namedNumber "first")
                | "whatsapp-200" -> Some(namedNumber "second")
                | _ -> None
            WhatsApp = {
                Send =
                    fun outgoing _ ->
                        said.Add outgoing.Message
                        Task.FromResult(Accepted(MessageId "wamid.1"))
                MarkRead = fun _ message _ -> Task.FromResult(Accepted message)
                Upload = fun _ _ _ -> Task.FromResult(Error(Refused(100, "unused")))
            }
    }

    for channel, name in [ "whatsapp-100", "first"; "whatsapp-200", "second" ] do
        let running action =
            Interpreter.run services (claimedAt channel action) never

        let! _ = running (say "hola")
        Assert.Equal(TextMessage name, Seq.last said)

        match! running (AskAssistant question) with
        | Done(Some(AssistantFailed(_, _, reason))) -> Assert.Equal(name, reason)
        | result -> failwith $"%A{result}"

        match! running (AddToTicket(keyAt channel, "nota")) with
        | GivenUp(reason, _) -> Assert.Equal(name, reason)
        | result -> failwith $"%A{result}"

        match! running (LookUpTickets customer) with
        | Done(Some(TicketLookUpFailed(_, reason))) -> Assert.Equal(name, reason)
        | result -> failwith $"%A{result}"
}

[<Fact>]
let ``what is to be done for a number that was taken away waits for it, and nothing is called`` () : Task =
    task {
        let services = {
            InterpreterTests.servicesWith (Refused(1, "called")) InterpreterTests.unused (WillNotDo "called") with
                For = fun _ -> None
        }

        for action in
            [
                say "hola"
                AskAssistant question
                AddToTicket(keyAt "whatsapp-1", "x")
                LookUpTickets customer
            ] do
            match! Interpreter.run services (claimedAt "whatsapp-1" action) never with
            | PutOff(until, reason) ->
                Assert.InRange(until - start, TimeSpan.FromMinutes 5., TimeSpan.FromMinutes 6.)
                Assert.Contains("BOT_NUMBERS", reason)
            | result -> failwith $"%A{result}"

        // A read mark is worth one try only, whatever comes of it.
        let! mark =
            Interpreter.run services (claimedAt "whatsapp-1" (MarkRead(MessageId "wamid.1"))) never

        Assert.Equal(Done None, mark)
    }

[<Fact>]
let ``customers are asked to write by the template of their own number, and by none where it has none`` () =
    let number id template = {
        StopReachTests.number id None "WHATSAPP_TOKEN" with
            LateTemplate = template
    }

    let template name : LateTemplateSettings.LateTemplateConfiguration = {
        Name = name
        Languages = [ "en_US"; "es" ]
    }

    let configuration =
        match SettingTests.configured [] with
        | Error problems -> failwith $"%A{problems}"
        | Ok configuration -> {
            configuration with
                Numbers = [
                    number "100" (Some(template "first"))
                    number "200" (Some(template "second"))
                    number "300" None
                ]
          }

    inSimulatedTime 51 (fun world -> task {
        let sent = ResizeArray<Outgoing>()

        let whatsApp = {
            whatsAppThat world (fun _ -> Refused(0, "unused")) (fun () -> Refused(0, "unused")) with
                Send =
                    fun outgoing _ ->
                        sent.Add outgoing
                        Task.FromResult(Accepted(MessageId "wamid.1"))
        }

        let templates =
            Composition.lateTemplates world configuration (storeIn world).Port whatsApp

        for channel in [ "whatsapp-100"; "whatsapp-200"; "whatsapp-300"; "whatsapp-400" ] do
            let! result =
                LateTemplate.around
                    world
                    templates
                    (fun _ _ -> Task.FromResult(AwaitCustomer "too late"))
                    (claimedAt channel (say "hola"))
                    never

            Assert.True(result.IsAwaitCustomer, $"%A{result}")

        let told = [
            for outgoing in sent ->
                match outgoing.Message with
                | TemplateMessage template -> outgoing.Key.Session.Channel, template.Name, template.Language
                | other -> failwith $"%A{other}"
        ]

        Assert.Equal<(string * string * string) list>(
            [ "whatsapp-100", "first", "es"; "whatsapp-200", "second", "es" ],
            told
        )

        // What becomes of it settles nothing of what waits.
        for outgoing in sent do
            Assert.Equal(None, CommandKey.parse outgoing.Callback)
    })

/// The number of `channel` and no other.
let private onlyNumber channel : Reception.ReceptionSettings =
    let everywhere =
        Reception.always
            {
                Quiet = TimeSpan.Zero
                Idle = TimeSpan.FromMinutes 30.
            }
            Spanish

    {
        Number = fun asked -> if asked = channel then everywhere.Number asked else None
    }

[<Fact>]
let ``what came to a number that is not set up is kept dead, and put back it is decided once the number is there``
    ()
    : Task = task {
    use! bench = startBench ()
    let operations = OperationScenes.operationsOf bench

    do!
        bench.Store.Deliver [
            bodyOf bench.Now [
                textFrom "ES.1" "wamid.1" bench.Now "hola"
                textFrom "ES.2" "wamid.2" bench.Now "buenas"
            ]
        ]

    let decideFor settings =
        bench.Store.Decide 10 (Reception.decide settings bench.Now Guid.NewGuid)

    let! ended = decideFor (onlyNumber "whatsapp-another")
    Assert.Equal(2, ended)

    let! reasons =
        bench.Database.Rows "SELECT DISTINCT state, reason FROM bot.inbox_state WHERE state = 'dead'"

    match reasons with
    | [ [ "dead"; reason ] ] ->
        for words in [ channel; "BOT_NUMBERS"; "bot inbound retry" ] do
            Assert.Contains(words, reason)

        Assert.DoesNotContain("ES.1", reason)
    | other -> failwith $"%A{other}"

    let! events = bench.Database.Cell "SELECT count(*) FROM mt_events"
    Assert.Equal("0", events)

    let! dead = operations.DeadInbound None
    Assert.Equal(2, dead.Length)

    for id in dead do
        let! outcome = operations.RetryInbound OperationScenes.request id
        OperationScenes.expectChanged outcome

    let! decided = decideFor (onlyNumber channel)
    Assert.Equal(2, decided)
    let! states = OperationScenes.inboxStates bench
    Assert.Equal<Map<string, int>>(Map [ "applied", 2 ], states)
    do! OperationScenes.expectSound operations
}

[<Fact>]
let ``an open session of a number that was taken away still gets its outcomes`` () =
    let session = Scenarios.opened.Session
    let rules = onlyNumber "whatsapp-another"

    let entry id source about fact : InboxEntry = {
        Id = id
        Source = source
        SourceId = string id
        At = start
        Session = about
        Trace = None
        Fact = fact
    }

    let work: CustomerWork = {
        Channel = session.Id.Channel
        Customer = customer
        Language = None
        OptedOut = false
        Blocked = false
        Current = Some session
        Others = Map.empty
        Entries = [
            entry
                1L
                "whatsapp"
                None
                (TextReceived {
                    Message = MessageId "wamid.9"
                    Text = "hola"
                    Quoted = None
                })
            entry 2L "status" (Some session.Id) (DeliveryFailed(keyAt session.Id.Channel, 131026, "x"))
        ]
    }

    let decision = Reception.decide rules start Guid.NewGuid work

    match decision.Endings with
    | [ 1L, Dead _; 2L, (Applied _ | Ignored _) ] -> ()
    | other -> failwith $"%A{other}"

[<Fact>]
let ``tickets of two numbers go to their own teams, over one log-in`` () =
    EmulatedOdoo.withEmulator id (fun emulator settings -> task {
        use client = OdooScenes.client ()
        let teams = Odoo.forTeams settings client
        let who = OdooScenes.newCustomer ()

        for team, title, version in [ Some 1L, "Taladro", 2L; Some 2L, "Seto", 3L ] do
            let ticket = OdooScenes.ticketOf Support title None

            let! created =
                (teams team).Create (OdooScenes.keyOf who version) ticket who Spanish never

            Assert.True(Result.isOk created, $"%A{created}")

        let seen = [
            for ticket in emulator.Tickets() ->
                textAt [ "name" ] ticket, FunctionalBot.Emulators.Json.write ticket
        ]

        for title, name in [ "Taladro", "Soporte"; "Seto", "Ventas" ] do
            let _, written = seen |> List.find (fun (found, _) -> found = Some title)
            Assert.Contains(name, written)

        // What is known of the model was found out once for both.
        let lookedUp =
            emulator.Requests()
            |> List.filter (fun entry -> entry.Operation = "json2 helpdesk.ticket/fields_get")

        Assert.Single lookedUp |> ignore
    })
