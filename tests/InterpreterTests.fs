/// What each kind of outcome of a service means for the command: tried again, put off, parked or given up.
module FunctionalBot.Tests.InterpreterTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Interpreter
open FunctionalBot.Tests.Protected
open FunctionalBot.Tests.StoreFixture

let private world: World = {
    Now = fun () -> start
    Elapsed = fun () -> TimeSpan.Zero
    Delay = fun _ _ -> Task.CompletedTask
    NewId = Guid.NewGuid
    Random = fun () -> 0.5
}

/// An assistant that nobody asks.
let unused: AssistantPort = {
    Ask = fun _ _ -> Task.FromResult(Error(CannotAnswer "unused"))
}

let private desk failure : TicketsPort = {
    Create = fun _ _ _ _ _ -> Task.FromResult(Error failure)
    AddNote = fun _ _ _ _ -> Task.FromResult(Error failure)
    Attach = fun _ _ _ _ _ -> Task.FromResult(Error failure)
    Find = fun _ _ _ -> Task.FromResult(Error failure)
}

/// Files of which nobody asks.
let noFiles: FilesPort = {
    Fetch = fun _ _ _ -> Task.FromResult(Error(WillNeverCome FileGone))
    Open = fun _ _ -> Task.FromResult None
}

/// A number of which each call ends so.
let numberWith assistant failure : NumberServices = {
    Render = fun _ _ -> TextMessage "hola"
    RenderText = fun _ -> "hola"
    Assistant = assistant
    StandIn = unused
    Tickets = desk failure
}

/// Services of which each call ends so.
let servicesWith outcome assistant failure : Services = {
    World = world
    WhatsApp = whatsAppThat world (fun _ -> outcome) (fun () -> outcome)
    For = fun _ -> Some(numberWith assistant failure)
    Files = noFiles
    ReadStream = fun _ -> Task.FromResult(Ok [])
    ReadThread = fun _ -> Task.FromResult(Ok [])
    Said = fun _ _ -> Task.FromResult None
    SafetyIdentifier = fun _ -> "customer"
    Retry = defaultRetry
}

let private claimed action attempt putOffs told = {
    onFirstTry (keyOf "ES.1" 3L) action with
        Attempt = attempt
        PutOffs = putOffs
        DelayTold = told
}

let private saying outcome attempt putOffs =
    Interpreter.run
        (servicesWith outcome unused (WillNotDo "unused"))
        (claimed (say "hola") attempt putOffs false)
        never

let private ticketing failure action attempt told =
    Interpreter.run
        (servicesWith (Accepted(MessageId "unused")) unused failure)
        (claimed action attempt 0 told)
        never

let private after (at: DateTimeOffset) = (at - start).TotalSeconds

[<Fact>]
let ``each class of WhatsApp's outcomes ends a send in its own way`` () : Task = task {
    let! accepted = saying (Accepted(MessageId "wamid.1")) 1 0
    Assert.Equal(Done None, accepted)

    match! saying (RetryLater(None, "busy")) 3 0 with
    | RunAgain(at, _, None) -> Assert.Equal(3., after at)
    | result -> failwith $"%A{result}"

    match! saying (RetryLater(Some(TimeSpan.FromSeconds 100.), "busy")) 1 0 with
    | RunAgain(at, _, None) -> Assert.Equal(105., after at)
    | result -> failwith $"%A{result}"

    // 4^X seconds, as Meta advises for one customer.
    match! saying (RecipientBusy "131056") 3 0 with
    | RunAgain(at, _, None) -> Assert.Equal(20., after at)
    | result -> failwith $"%A{result}"

    match! saying (OutcomeUnknown "no answer") 1 0 with
    | Parked(until, _) -> Assert.Equal(60., after until)
    | result -> failwith $"%A{result}"

    // A message whose outcome is never told goes out a few times at most.
    match! saying (OutcomeUnknown "no answer") 3 0 with
    | GivenUp("no answer", Some(DeliveryFailed _)) -> ()
    | result -> failwith $"%A{result}"

    match! saying (Refused(131026, "undeliverable")) 1 0 with
    | GivenUp(_, Some(DeliveryFailed(_, 131026, _))) -> ()
    | result -> failwith $"%A{result}"

    match! saying (ChannelStopped(190, "token")) 1 0 with
    | PutOff(_, reason) -> Assert.Contains("190", reason)
    | result -> failwith $"%A{result}"

    match! saying (HeldBack(TimeSpan.FromSeconds 7., "a limit")) 1 0 with
    | PutOff(until, _) -> Assert.Equal(7., after until)
    | result -> failwith $"%A{result}"
}

[<Fact>]
let ``what we hold back ourselves never gives a message up, and real refusals do in the end`` () : Task = task {
    for outcome in [ RetryLater(None, "busy"); RecipientBusy "131056" ] do
        let! tried = saying outcome 12 0
        Assert.True(tried.IsGivenUp, $"%A{tried}")
        let! heldBack = saying outcome 500 489
        Assert.True(heldBack.IsRunAgain, $"%A{heldBack}")
        let! worn = saying outcome 500 488
        Assert.True(worn.IsGivenUp, $"%A{worn}")

    for outcome in [ HeldBack(TimeSpan.FromSeconds 1., "a limit"); ChannelStopped(190, "token") ] do
        let! result = saying outcome 10_000 9_000
        Assert.True(result.IsPutOff, $"%A{result}")
}

let private ticket =
    let unpack (result: Result<'value, FieldProblem>) =
        match result with
        | Ok value -> value
        | Error problem -> failwith $"%A{problem}"

    {
        Purpose = Support
        Title = unpack (TicketTitle.create "Taladradora rota")
        Description = unpack (TicketDescription.create "No enciende")
        Email = None
        Files = None
    }

let private customer: Customer = {
    Id = CustomerId "ES.1"
    Phone = None
    Name = None
}

[<Fact>]
let ``each class of Odoo's outcomes ends a ticket in its own way`` () : Task = task {
    let create = CreateTicket(ticket, customer)
    let leftAlone = LeftAlone(TimeSpan.FromSeconds 9., "odoo is left alone")

    // The first failure is kept quiet; the second is told.
    match! ticketing (TryAgain(None, "502")) create 1 false with
    | RunAgain(_, _, None) -> ()
    | result -> failwith $"%A{result}"

    match! ticketing (TryAgain(None, "502")) create 2 false with
    | RunAgain(_, _, Some(TicketDelayed _)) -> ()
    | result -> failwith $"%A{result}"

    // Where it is known to be away, the customer is told at once, and once.
    match! ticketing leftAlone create 1 false with
    | RunAgain(at, _, Some(TicketDelayed _)) -> Assert.Equal(9., after at)
    | result -> failwith $"%A{result}"

    match! ticketing leftAlone create 2 true with
    | PutOff(until, _) -> Assert.Equal(9., after until)
    | result -> failwith $"%A{result}"

    match! ticketing (WillNotDo "ValidationError") create 1 false with
    | GivenUp(_, Some(TicketRefused _)) -> ()
    | result -> failwith $"%A{result}"

    let! note = ticketing leftAlone (AddToTicket(keyOf "ES.1" 1L, "nota")) 1 false
    Assert.True(note.IsPutOff, $"%A{note}")

    // Whoever asks for a ticket's state waits for the answer: better none than a late one.
    match! ticketing leftAlone (LookUpTickets customer) 1 false with
    | Done(Some(TicketLookUpFailed _)) -> ()
    | result -> failwith $"%A{result}"
}

[<Fact>]
let ``a question is asked twice, and goes to the stand-in at once where the assistant is left alone``
    ()
    : Task = task {
    let asking failure attempt =
        Interpreter.run
            (servicesWith
                (Accepted(MessageId "unused"))
                {
                    Ask = fun _ _ -> Task.FromResult(Error failure)
                }
                (WillNotDo ""))
            (claimed
                (AskAssistant {
                    Turn = 1L
                    Assistant = Primary
                    Hint = None
                    Language = Spanish
                    Message = None
                })
                attempt
                0
                false)
            never

    let isFailed result =
        match result with
        | Done(Some(AssistantFailed(1L, Primary, _))) -> true
        | _ -> false

    let! first = asking (AskAgain(None, "503")) 1
    Assert.True(first.IsRunAgain, $"%A{first}")
    let! second = asking (AskAgain(None, "503")) 2
    Assert.True(isFailed second, $"%A{second}")
    let! slow = asking (AskAgain(Some(TimeSpan.FromSeconds 30.), "429")) 1
    Assert.True(isFailed slow, $"%A{slow}")
    let! leftAlone = asking (CannotAnswer "left alone") 1
    Assert.True(isFailed leftAlone, $"%A{leftAlone}")
}

[<Fact>]
let ``a port that throws is a fault of this program: tried anew, a send only after a wait, and given up at last``
    ()
    : Task = task {
    let throwing: Services =
        let services =
            servicesWith (Accepted(MessageId "unused")) unused (WillNotDo "unused")

        let fault () =
            raise (InvalidOperationException "600 111 222")

        {
            services with
                WhatsApp = {
                    services.WhatsApp with
                        Send = fun _ _ -> fault ()
                }
                For =
                    fun _ ->
                        Some {
                            numberWith { Ask = fun _ _ -> fault () } (WillNotDo "unused") with
                                Tickets = {
                                    Create = fun _ _ _ _ _ -> fault ()
                                    AddNote = fun _ _ _ _ -> fault ()
                                    Attach = fun _ _ _ _ _ -> fault ()
                                    Find = fun _ _ _ -> fault ()
                                }
                        }
        }

    let question =
        AskAssistant {
            Turn = 1L
            Assistant = Primary
            Hint = None
            Language = Spanish
            Message = None
        }

    let actions = [
        say "hola"
        question
        CreateTicket(ticket, customer)
        AddToTicket(keyOf "ES.1" 1L, "nota")
        LookUpTickets customer
    ]

    for action in actions do
        let running attempt putOffs =
            Interpreter.run throwing (claimed action attempt putOffs false) never

        let last = defaultRetry.FaultTries
        let! first = running 1 0
        let! before = running (last + 3) 4

        for result in [ first; before ] do
            match action, result with
            // Nobody knows whether it went out.
            | Say _, Parked(until, _) -> Assert.Equal(start + defaultRetry.UnknownWait, until)
            | Say _, _ -> failwith $"%A{result}"
            | _, RunAgain(at, reason, None) ->
                Assert.True(at > start)
                Assert.Equal("fault: InvalidOperationException", reason)
            | _ -> failwith $"%A{result}"

        match! running last 0 with
        | GivenUp(reason, fact) ->
            Assert.Equal("fault: InvalidOperationException", reason)
            let expected = outcomeOfFault (claimed action last 0 false).Command reason
            Assert.Equal(expected, fact)
        | result -> failwith $"%A{result}"
}

[<Fact>]
let ``a note whose ticket was refused ends, and a look-up is tried twice`` () : Task = task {
    let creation = keyOf "ES.1" 1L

    let noting (facts: Fact list) =
        let events = [
            for version, fact in List.indexed facts ->
                {
                    Session = creation.Session
                    Version = int64 version + 1L
                    At = start
                    Id = Guid.Empty
                    Cause = "wamid"
                    Fact = fact
                }
        ]

        Interpreter.run
            {
                servicesWith (Accepted(MessageId "unused")) unused (TryAgain(None, "404")) with
                    ReadStream = fun _ -> Task.FromResult(Ok events)
            }
            (claimed (AddToTicket(creation, "nota")) 1 0 false)
            never

    let! waits = noting []
    Assert.True(waits.IsRunAgain, $"%A{waits}")
    let! other = noting [ TicketRefused(keyOf "ES.1" 2L, "x") ]
    Assert.True(other.IsRunAgain, $"%A{other}")

    match! noting [ TicketRefused(creation, "x") ] with
    | GivenUp(reason, None) -> Assert.Contains("refused", reason)
    | result -> failwith $"%A{result}"

    let looking attempt =
        ticketing (TryAgain(None, "502")) (LookUpTickets customer) attempt false

    let! first = looking 1
    Assert.True(first.IsRunAgain, $"%A{first}")

    match! looking 2 with
    | Done(Some(TicketLookUpFailed _)) -> ()
    | result -> failwith $"%A{result}"
}

/// Says something with a file; gives the result, and what was called in which order.
let private sayingWithFile (world: World) (upload: Result<string, SendOutcome>) (took: TimeSpan) = task {
    let calls = System.Collections.Generic.List<string>()

    let services =
        servicesWith (Accepted(MessageId "wamid.1")) unused (WillNotDo "unused")

    let services = {
        services with
            World = world
            WhatsApp = {
                services.WhatsApp with
                    Upload =
                        fun channel file cancel -> task {
                            calls.Add $"upload %s{file.Name} for %s{channel}"
                            do! world.Delay took cancel

                            return upload |> Result.map (fun id -> FileUpload.uploadedAs id file)
                        }
                    Send =
                        fun outgoing _ ->
                            calls.Add $"send %A{outgoing.Message}"
                            Task.FromResult(Accepted(MessageId "wamid.1"))
            }
            For =
                fun _ ->
                    Some {
                        numberWith unused (WillNotDo "unused") with
                            Render =
                                fun _ uploaded ->
                                    match uploaded with
                                    | Some uploaded -> TextMessage $"with %s{uploaded.Id}"
                                    | None -> TextMessage "without"
                    }
    }

    let! result =
        Interpreter.run services (claimed (sayWithFile "El plano") 1 0 false) never

    return result, List.ofSeq calls
}

[<Fact>]
let ``a file is uploaded ahead of its message, and a message whose file cannot be is not sent`` () =
    inSimulatedTime 51 (fun world -> task {
        let upload = "upload plano.pdf for whatsapp-1"
        let! sent, calls = sayingWithFile world (Ok "4490") TimeSpan.Zero
        Assert.Equal(Done None, sent)
        Assert.Equal<string list>([ upload; "send TextMessage \"with 4490\"" ], calls)

        for outcome, isExpected in
            [
                RetryLater(None, "away"), (fun (result: CommandResult) -> result.IsRunAgain)
                HeldBack(TimeSpan.FromSeconds 3., "left alone"), _.IsPutOff
                ChannelStopped(190, "token"), _.IsPutOff
                Refused(0, "gone"),
                (fun result ->
                    match result with
                    | GivenUp("gone", Some(DeliveryFailed(_, 0, "gone"))) -> true
                    | _ -> false)
            ] do
            let! result, calls = sayingWithFile world (Error outcome) TimeSpan.Zero
            Assert.True(isExpected result, $"%A{outcome}: %A{result}")
            Assert.Equal<string list>([ upload ], calls)

        // After a long upload the command may be another node's: it is claimed anew, and costs no try.
        let! late, calls = sayingWithFile world (Ok "4490") (TimeSpan.FromSeconds 6.)
        Assert.True(late.IsPutOff, $"%A{late}")
        Assert.Equal<string list>([ upload ], calls)
    })

[<Fact>]
let ``a reaction is sent under a text of its own, tried a few times, and nobody is told of a lost one``
    ()
    : Task = task {
    let reacting outcome attempt = task {
        let seen = System.Collections.Generic.List<Outgoing>()
        let services = servicesWith outcome unused (WillNotDo "unused")

        let services = {
            services with
                WhatsApp = {
                    services.WhatsApp with
                        Send =
                            fun outgoing _ ->
                                seen.Add outgoing
                                Task.FromResult outcome
                }
        }

        let! result =
            Interpreter.run services (claimed (React(MessageId "wamid.7", "👍")) attempt 0 false) never

        let outgoing = Assert.Single seen
        Assert.Equal(ReactionMessage(MessageId "wamid.7", "👍"), outgoing.Message)
        Assert.Equal(CommandKey.text outgoing.Key + "/reaction", outgoing.Callback)
        // No status of it settles a command.
        Assert.Equal(None, CommandKey.parse outgoing.Callback)
        return result
    }

    let! put = reacting (Accepted(MessageId "w")) 1
    Assert.Equal(Done None, put)

    for outcome in [ RetryLater(None, "busy"); RecipientBusy "131056"; OutcomeUnknown "no answer" ] do
        let! again = reacting outcome 2
        Assert.True(again.IsRunAgain, $"%A{again}")
        let! lost = reacting outcome 3

        match lost with
        | GivenUp(_, None) -> ()
        | result -> failwith $"%A{result}"

    match! reacting (Refused(131009, "too old")) 1 with
    | GivenUp(_, None) -> ()
    | result -> failwith $"%A{result}"

    let! stopped = reacting (ChannelStopped(190, "token")) 1
    Assert.True(stopped.IsPutOff, $"%A{stopped}")
}
