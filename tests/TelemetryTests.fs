/// Spans and numbers of the real engine over ports in memory.
module FunctionalBot.Tests.TelemetryTests

open System
open System.Collections.Generic
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Effects.Telemetry
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.Watching
open FunctionalBot.Web

let private never = CancellationToken.None
let private soon () = TimeSpan.FromSeconds 0.1

/// A world for one conversation: what becomes of messages and of calls of the desk is set beforehand.
[<NoComparison; NoEquality>]
type private Play = {
    World: World
    Store: MemoryStore
    Watched: StorePort
    Instruments: Instruments
    Spans: CommandSpans
    Watch: Watch
}

let private book =
    lazy
        (match Phrases.load (Repository.path "data/phrases") with
         | Ok book -> book
         | Error problems -> failwith (String.concat "\n" problems))

let private business: Business = {
    Name = "Ferretería Ejemplo"
    Contact = "el 555 01 42"
}

let private answer (_: AssistantRequest) : Result<AssistantAnswer, AssistantFailure> =
    Ok {
        Reply = "A las nueve."
        Intent = AsksSomething
        Sentiment = Neutral
        Language = Spanish
        Hints = {
            Title = None
            Description = None
            Email = None
        }
        NeedsPerson = false
        Knows = true
        Sources = []
    }

let private services (world: World) (store: StorePort) messageFate ticketFate : Interpreter.Services =
    let assistant = MemoryAssistant.create world soon (fun () -> false) answer

    let number: Interpreter.NumberServices = {
        Render = Phrases.render (book.Force()) business
        RenderText = Phrases.renderText (book.Force()) business
        Assistant = assistant
        StandIn = assistant
        Tickets = (MemoryTickets.create world soon ticketFate).Port
    }

    {
        World = world
        WhatsApp = (MemoryWhatsApp.create world soon messageFate ignore).Port
        For = fun _ -> Some number
        Files = MemoryFiles.create world soon (fun _ -> None)
        ReadStream = store.ReadStream
        ReadThread = (Threads.create 10 store.ReadStream).Read
        SafetyIdentifier = fun _ -> "safe"
        Retry = Interpreter.defaultRetry
    }

let private pace: Engine.EngineSettings = {
    Batch = 20
    Messages = 8
    Questions = 4
    TicketCalls = 4
    Files = 1
    Lease = TimeSpan.FromSeconds 30.
    Poll = TimeSpan.FromSeconds 5.
    TimerPoll = TimeSpan.FromSeconds 1.
}

let private reception quiet : Reception.ReceptionSettings =
    Reception.always
        {
            Quiet = quiet
            Idle = TimeSpan.FromMinutes 30.
        }
        Spanish

/// Runs the engine in simulated time while the scene plays, and then until nothing is open.
let private playing messageFate ticketFate fault (scene: Play -> Task) : Play =
    let virtualWorld = VirtualWorld.create 7 start
    let world = virtualWorld.World
    let store = MemoryStore.create world (TimeSpan.FromSeconds 60.) fault
    let instruments = new Instruments()
    let watch = watch instruments
    let spans = CommandSpans()
    let watched = WatchedStore.create instruments spans world store.Port

    let play = {
        World = world
        Store = store
        Watched = watched
        Instruments = instruments
        Spans = spans
        Watch = watch
    }

    let run =
        Interpreter.run (services world watched messageFate ticketFate)
        |> WatchedCommands.run instruments spans world

    let decide work =
        Reception.decide (reception (TimeSpan.FromSeconds 2.)) (world.Now()) world.NewId work

    let engine = Engine.create pace world watched decide run silent ignore

    virtualWorld.Run(fun () -> task {
        use stop = new CancellationTokenSource()
        let working = engine.Run stop.Token
        do! scene play

        while not (store.Look().Open.IsEmpty && store.Look().Waiting.IsEmpty) do
            do! world.Delay (TimeSpan.FromSeconds 1.) never

        stop.Cancel()
        do! working
    })

    play

let private arrives _ = Arrives
let private serves _ = Serves
let private works _ = Works

/// The customer writes: a webhook with a span of its own, whose traceparent comes back.
let private write (play: Play) id text : Task<string> = task {
    let span =
        play.Instruments.Source.StartActivity("POST /webhook", ActivityKind.Server)

    let trace = Trace.ofActivity span

    do!
        play.Watched.Deliver [
            {
                bodyOf (play.World.Now()) [ textFrom "ES.1349" id (play.World.Now()) text ] with
                    Trace = trace
            }
        ]

    match span with
    | null -> ()
    | span -> span.Dispose()

    do! play.World.Delay (TimeSpan.FromSeconds 30.) never
    return trace.Value
}

/// The names from the first span of the trace down to this one.
let rec private way (all: Activity list) (span: Activity) : string list =
    match all |> List.tryFind (fun other -> other.SpanId = span.ParentSpanId) with
    | Some parent -> way all parent @ [ span.DisplayName ]
    | None -> [ span.DisplayName ]

[<Fact>]
let ``what follows from a message is one trace: read mark, quiet time, question, answer`` () =
    let traces = ResizeArray<string>()

    let play =
        playing arrives serves works (fun play -> task {
            let! first = write play "wamid.1" "¿A qué hora abren los sábados?"
            let! second = write play "wamid.2" "¿Cuánto cuesta el envío a Vigo?"
            traces.AddRange [ first; second ]
        })

    for trace in traces do
        let ofTrace =
            play.Watch.Spans
            |> List.filter (fun span -> trace.Contains(span.TraceId.ToHexString()))

        let ways = ofTrace |> List.map (way ofTrace)
        Assert.Contains([ "POST /webhook"; "decide" ], ways)
        Assert.Contains([ "POST /webhook"; "mark-read" ], ways)
        Assert.Contains([ "POST /webhook"; "ask-assistant" ], ways)
        Assert.Contains([ "POST /webhook"; "ask-assistant"; "decide" ], ways)
        Assert.Contains([ "POST /webhook"; "ask-assistant"; "say" ], ways)

    let kinds =
        play.Watch.Spans |> List.map (fun span -> span.DisplayName, span.Kind) |> set

    Assert.Contains(("decide", ActivityKind.Consumer), kinds)
    Assert.Contains(("say", ActivityKind.Client), kinds)

[<Fact>]
let ``texts that are decided at the same time each have the decision in their trace`` () =
    let play =
        playing arrives serves works (fun play -> task {
            let body index =
                let trace = $"00-%032x{index}-%016x{index}-01"

                {
                    bodyOf start [ textFrom "ES.1349" $"wamid.%d{index}" start "hola" ] with
                        Trace = Some trace
                }

            do! play.Watched.Deliver [ body 1; body 2 ]
            do! play.World.Delay (TimeSpan.FromSeconds 10.) never
        })

    for index in [ 1; 2 ] do
        let decisions =
            play.Watch.Spans
            |> List.filter (fun span ->
                span.DisplayName = "decide" && span.TraceId.ToHexString() = $"%032x{index}")

        Assert.NotEmpty decisions
        Assert.Contains("bot.entries=2", decisions |> List.map textOf |> String.concat " ")

[<Fact>]
let ``outcomes of commands are counted by service and class, and only first tries count as waiting`` () =
    let sends = Dictionary<CommandKey, int>()

    // The first message is put off once, and the answer to its second try is lost; a status never comes.
    let messageFate key =
        sends[key] <- (if sends.ContainsKey key then sends[key] + 1 else 1)

        match sends.Count, sends[key] with
        | 1, 1 -> PutsOff None
        | 1, 2 -> LosesAnswer
        | _ -> Arrives

    let ticketFate call =
        match call with
        | Finds _ -> Serves
        | Creates _
        | Notes _
        | Attaches _ -> RefusesCall "ValidationError"

    let play =
        playing messageFate ticketFate works (fun play -> task {
            let! _ = write play "wamid.1" "¿A qué hora abren los sábados?"
            do! play.World.Delay (TimeSpan.FromMinutes 3.) never
            let! _ = write play "wamid.2" "quiero hablar con una persona"
            do! play.World.Delay (TimeSpan.FromMinutes 1.) never
        })

    let outcomes service outcome =
        play.Watch.Sum "bot.command.outcomes" [ "bot.service=" + service; "bot.outcome=" + outcome ]

    Assert.Equal(1., outcomes "messaging" "again")
    Assert.Equal(1., outcomes "messaging" "parked")
    Assert.True(outcomes "messaging" "done" >= 3.)
    Assert.Equal(1., outcomes "assisting" "done")
    Assert.Equal(1., outcomes "ticketing" "given up")
    let tries = play.Watch.Sum "bot.command.outcomes" []
    Assert.Equal(int tries, play.Watch.Count "bot.command.duration")
    Assert.Equal(int tries - 2, play.Watch.Count "bot.command.wait")
    // The quiet time of both messages.
    Assert.Equal(2., play.Watch.Sum "bot.timer.fired" [])
    Assert.Equal(0., play.Watch.Sum "bot.command.unrecorded" [])

    let ofStore =
        play.Watch.Measured
        |> List.filter (fun found -> found.Name = "bot.store.duration")

    Assert.Contains([ "bot.call=advance" ], ofStore |> List.map _.Attributes)

[<Fact>]
let ``no span and no number holds anything of the customer, of words, or of what errors say`` () =
    let refuses _ =
        RefusesMessage(131026, "to ES.1349: hola")

    let down _ = RefusesCall "of ES.1349: hola"

    let play =
        playing refuses down works (fun play -> task {
            let! _ = write play "wamid.1" "quiero hablar con una persona, hola"
            do! play.World.Delay (TimeSpan.FromMinutes 2.) never
        })

    // A fault that says everything, too.
    let fail (_: ClaimedCommand) (_: CancellationToken) : Task<CommandResult> =
        Task.FromException<CommandResult>(InvalidOperationException "of ES.1349: hola")

    let action =
        LookUpTickets {
            Id = CustomerId "ES.1349"
            Phone = Some "34600111222"
            Name = Some "Ana"
        }

    let claimed = {
        Command = {
            Key = {
                Session = sessionOf "ES.1349" 1
                Version = 1L
                Ordinal = 0
            }
            Action = action
        }
        Place = 1L
        PutOffs = 0
        Recipient = {
            Phone = Some "34600111222"
            BusinessScopedId = Some "ES.1349"
        }
        Language = Spanish
        Attempt = 1
        QueuedAt = start
        DelayTold = false
        Trace = None
        LastHeard = None
        IsShut = false
    }

    let thrown =
        Assert.ThrowsAny<Exception>(fun () ->
            (WatchedCommands.run play.Instruments play.Spans play.World fail claimed never)
                .GetAwaiter()
                .GetResult()
            |> ignore)

    Assert.Equal("of ES.1349: hola", thrown.Message)
    Assert.Equal(1., play.Watch.Sum "bot.command.outcomes" [ "bot.outcome=left" ])

    let everything =
        [
            for span in play.Watch.Spans -> textOf span
            for measured in play.Watch.Measured -> String.Join(" ", measured.Attributes)
        ]
        |> String.concat "\n"

    Assert.Contains("error.type=InvalidOperationException", everything)

    for personal in [ "1349"; "hola"; "wamid"; "session/"; "34600"; "Ana"; "persona" ] do
        Assert.DoesNotContain(personal, everything)

[<Fact>]
let ``a result that came too late, and a store that is away, are counted`` () : Task = task {
    let fault = ref Works
    let clock = ref start
    let world = worldOf (fun () -> clock.Value)

    let store =
        MemoryStore.create world (TimeSpan.FromSeconds 60.) (fun _ -> fault.Value)

    use instruments = new Instruments()
    use watch = watch instruments
    let spans = CommandSpans()
    let port = WatchedStore.create instruments spans world store.Port
    do! port.Deliver [ bodyOf start [ textFrom "ES.1" "wamid.1" start "hola" ] ]
    let! _ = port.Decide 10 (decideWith start (fun _ -> [ say "hola" ]))
    let! claimed = port.Claim Messaging 10 start (TimeSpan.FromSeconds 30.)
    let result = claimed.Head, Done None
    let! recorded = port.Record [ result ] start
    Assert.Equal(1, recorded)
    Assert.Equal(0., watch.Sum "bot.command.unrecorded" [])

    let! kept = port.KeepLeases [ claimed.Head ] start (TimeSpan.FromSeconds 30.)

    Assert.Empty kept
    Assert.Equal(1., watch.Sum "bot.lease.lost" [])
    let! recorded = port.Record [ result ] start
    Assert.Equal(0, recorded)
    Assert.Equal(1., watch.Sum "bot.command.unrecorded" [])

    fault.Value <- FailsBefore

    let! _ =
        Assert.ThrowsAsync<StoreUnavailable>(fun () -> port.Claim Messaging 1 start (soon ()) :> Task)

    let! _ = Assert.ThrowsAsync<StoreUnavailable>(fun () -> port.Deliver [])
    Assert.Equal(1., watch.Sum "bot.store.unavailable" [ "bot.call=claim" ])
    Assert.Equal(1., watch.Sum "bot.store.unavailable" [ "bot.call=receive" ])
}

[<Fact>]
let ``a decision that is not written is a failed span`` () : Task = task {
    let fault = ref Works
    let world = worldOf (fun () -> start)

    let store =
        MemoryStore.create world (TimeSpan.FromSeconds 60.) (fun _ -> fault.Value)

    use instruments = new Instruments()
    use watch = watch instruments
    let port = WatchedStore.create instruments (CommandSpans()) world store.Port

    do!
        port.Deliver [
            {
                bodyOf start [ textFrom "ES.1" "wamid.1" start "hola" ] with
                    Trace = Some "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            }
        ]

    // Everything happens, and the answer to the commit is lost.
    fault.Value <- FailsAfter

    let! _ =
        Assert.ThrowsAsync<StoreUnavailable>(fun () -> port.Decide 10 (decideAt start) :> Task)

    let span = Assert.Single watch.Spans
    Assert.Equal(ActivityStatusCode.Error, span.Status)
    Assert.Equal("b7ad6b7169203331", span.ParentSpanId.ToHexString())
}

[<Fact>]
let ``gauges show the accounting as it was counted last, and nothing while the store is away`` () =
    let fault = ref Works
    let virtualWorld = VirtualWorld.create 3 start
    let world = virtualWorld.World
    let counts = ref 0

    let faultOf call =
        if call = Counting then
            counts.Value <- counts.Value + 1

        fault.Value

    let store = MemoryStore.create world (TimeSpan.FromSeconds 60.) faultOf
    use instruments = new Instruments()
    use watch = watch instruments
    let counting = AccountGauges.create instruments world store.Port
    Assert.Empty(watch.ReadGauges())

    // What a retry by hand takes back is no restart of the program, which a counter that falls is read as.
    let kinds = System.Collections.Generic.List<string * System.Type>()

    use listener =
        new System.Diagnostics.Metrics.MeterListener(
            InstrumentPublished =
                (fun instrument _ ->
                    if obj.ReferenceEquals(instrument.Meter, instruments.Meter) then
                        kinds.Add(instrument.Name, instrument.GetType()))
        )

    listener.Start()

    Assert.Contains(
        ("bot.inbox.ended", typeof<System.Diagnostics.Metrics.ObservableUpDownCounter<int64>>),
        kinds
    )

    let shown name attributes =
        watch.ReadGauges()
        |> List.filter (fun found -> found.Name = name && found.Attributes = attributes)
        |> List.map _.Value

    virtualWorld.Run(fun () -> task {
        do!
            store.Port.Deliver [
                bodyOf start [ textFrom "ES.1" "wamid.1" start "hola"; NothingToDo(None, "x", "x") ]
            ]

        use stop = new CancellationTokenSource()
        let working = counting stop.Token
        do! world.Delay (TimeSpan.FromSeconds 5.) never
        Assert.Equal<float list>([ 2. ], shown "bot.inbox.received" [])
        Assert.Equal<float list>([ 1. ], shown "bot.inbox.pending" [])
        Assert.Equal<float list>([ 1. ], shown "bot.inbox.ended" [ "bot.state=ignored" ])
        Assert.Equal<float list>([ 0. ], shown "bot.inbox.unaccounted" [])
        Assert.Equal<float list>([ 5. ], shown "bot.inbox.oldest" [])
        // However often somebody looks, it was counted once.
        Assert.Equal(1, counts.Value)

        let! _ = store.Port.Decide 10 (decideWith (world.Now()) (fun _ -> [ say "hola" ]))
        do! world.Delay (TimeSpan.FromSeconds 10.) never
        Assert.Equal<float list>([ 0. ], shown "bot.inbox.pending" [])
        Assert.Equal<float list>([ 1. ], shown "bot.commands" [ "bot.state=ready" ])
        // Nobody has tried it: it was queued ten seconds ago.
        Assert.Equal<float list>([ 10. ], shown "bot.commands.oldest" [ "bot.service=messaging" ])
        Assert.Equal<float list>([ 0. ], shown "bot.commands.oldest" [ "bot.service=ticketing" ])
        Assert.Equal<float list>([ 0. ], shown "bot.services.trouble" [ "bot.called=whatsapp" ])
        Assert.Equal<float list>([ 0. ], shown "bot.inbox.oldest" [])
        Assert.Equal(2, counts.Value)

        fault.Value <- FailsBefore
        do! world.Delay (TimeSpan.FromSeconds 10.) never
        Assert.Empty(watch.ReadGauges())
        fault.Value <- Works
        do! world.Delay (TimeSpan.FromSeconds 10.) never
        Assert.Equal<float list>([ 2. ], shown "bot.inbox.received" [])
        stop.Cancel()
        do! working
    })

[<Fact>]
let ``where nobody listens, calls go straight through`` () : Task = task {
    use instruments = new Instruments()
    let world = worldOf (fun () -> start)
    let store = MemoryStore.create world (TimeSpan.FromSeconds 60.) works
    let decide: CustomerWork -> CustomerDecision = decideAt start
    let given = ref Unchecked.defaultof<CustomerWork -> CustomerDecision>
    let answered: Task<Advanced> = TaskCompletionSource<Advanced>().Task

    let port =
        WatchedStore.create instruments (CommandSpans()) world {
            store.Port with
                Advance =
                    fun _ decide ->
                        given.Value <- decide
                        answered
        }

    let request = {
        Results = []
        Known = []
        Most = 1
        Room = Map.empty
        Lease = TimeSpan.FromSeconds 30.
    }

    Assert.Same(answered, port.Advance request decide)
    Assert.Same(decide, given.Value)
    let result = Task.FromResult(Done None)
    let spans = CommandSpans()
    let run = WatchedCommands.run instruments spans world (fun _ _ -> result)
    do! store.Port.Deliver [ bodyOf start [ textFrom "ES.1" "wamid.1" start "hola" ] ]
    let! _ = store.Port.Decide 10 (decideWith start (fun _ -> [ say "hola" ]))
    let! claimed = store.Port.Claim Messaging 10 start (TimeSpan.FromSeconds 30.)
    Assert.Same(result, run claimed.Head never)
    Assert.Equal(None, spans.TraceOf claimed.Head.Command)
}

[<Fact>]
let ``what follows from a message that the sampler left out is left out too`` () : Task = task {
    use instruments = new Instruments()
    let world = worldOf (fun () -> start)
    let spans = CommandSpans()
    let traces = ResizeArray<string option>()

    let run =
        WatchedCommands.run instruments spans world (fun claimed _ ->
            traces.Add(spans.TraceOf claimed.Command)
            Task.FromResult(Done None))

    let store = MemoryStore.create world (TimeSpan.FromSeconds 60.) works
    use watch = new Watch(instruments, ActivitySamplingResult.PropagationData)

    let trace =
        use span = instruments.Source.StartActivity("POST /webhook", ActivityKind.Server)
        Trace.ofActivity span

    Assert.EndsWith("-00", trace.Value)

    do!
        store.Port.Deliver [
            {
                bodyOf start [ textFrom "ES.1" "wamid.1" start "hola" ] with
                    Trace = trace
            }
        ]

    let! _ = store.Port.Decide 10 (decideWith start (fun _ -> [ say "hola" ]))
    let! claimed = store.Port.Claim Messaging 10 start (TimeSpan.FromSeconds 30.)
    let! _ = run claimed.Head never
    let follows = traces[0].Value
    Assert.Equal(trace.Value.Substring(0, 35), follows.Substring(0, 35))
    Assert.EndsWith("-00", follows)
    Assert.DoesNotContain("-01", trace.Value)
    Assert.All(watch.Spans, (fun span -> Assert.False span.Recorded))
}

[<Fact>]
let ``the door counts bodies by what became of them, and links a caller's trace instead of following it``
    ()
    : Task = task {
    use instruments = new Instruments()
    use watch = watch instruments
    let kept = ResizeArray<ReceivedBody>()

    let receiver =
        WatchedDoor.receiver instruments {
            Store =
                fun body ->
                    kept.Add body

                    if body.Body.Length = 0 then
                        Task.FromException(StoreUnavailable("away", TimeoutException()))
                    else
                        Task.CompletedTask
            Run = fun _ -> Task.CompletedTask
        }

    let post status (body: ReceivedBody option) : Task = task {
        let context = DefaultHttpContext()
        context.Request.Headers["traceparent"] <- "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

        let receive (context: HttpContext) : Task = task {
            match body with
            | Some body ->
                try
                    do! receiver.Store body
                with StoreUnavailable _ ->
                    ()
            | None -> ()

            context.Response.StatusCode <- status
        }

        do! WatchedDoor.receive instruments (fun () -> TimeSpan.Zero) receive context
    }

    let body = bodyOf start [ textFrom "ES.1" "wamid.1" start "hola" ]
    do! post 200 (Some body)
    do! post 200 (Some { body with Updates = Error "not JSON" })
    do! post 503 (Some { body with Body = [||] })
    do! post 401 None
    do! post 413 None

    for verdict in [ "stored"; "unreadable"; "not stored"; "rejected"; "too large" ] do
        Assert.Equal(1., watch.Sum "bot.webhook.received" [ "bot.verdict=" + verdict ])

    Assert.Equal(1., watch.Sum "bot.webhook.rejected" [])
    Assert.Equal(5, watch.Count "bot.webhook.duration")
    Assert.Equal(5, watch.Spans.Length)

    for span in watch.Spans do
        Assert.Equal("POST /webhook", span.DisplayName)
        Assert.Equal(ActivitySpanId(), span.ParentSpanId)
        let link = Assert.Single span.Links
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", link.Context.TraceId.ToHexString())
        Assert.NotEqual(link.Context.TraceId, span.TraceId)

    Assert.Equal<string option list>(
        watch.Spans |> List.truncate 3 |> List.map Trace.ofActivity,
        kept |> Seq.map _.Trace |> Seq.toList
    )

    Assert.Equal<ActivityStatusCode list>(
        [ ActivityStatusCode.Error ],
        watch.Spans
        |> List.map _.Status
        |> List.filter (fun status -> status <> ActivityStatusCode.Unset)
    )
}
