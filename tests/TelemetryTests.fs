/// Spans and numbers of the real engine over ports in memory.
module FunctionalBot.Tests.TelemetryTests

open System
open System.Collections.Generic
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Effects.Telemetry
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.Watching

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
        Said = store.Said
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
