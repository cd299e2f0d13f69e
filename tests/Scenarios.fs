/// How scenarios are told: a customer who writes and presses, services that answer, and what the bot says to
/// it.
module FunctionalBot.Tests.Scenarios

open System
open FunctionalBot.Domain

/// A conversation under way.
type Scene = {
    Session: Session
    Now: DateTimeOffset
    Messages: int
    /// Everything that was asked for, newest event first.
    Commands: Command list list
}

let private customer: Customer = {
    Id = CustomerId "ES.1"
    Phone = Some "34600000001"
    Name = Some "Ana Ríos"
}

let private happen fact (scene: Scene) =
    let session, commands =
        Transition.transition scene.Session {
            Id = Guid.Empty
            At = scene.Now
            Session = scene.Session.Id
            Version = scene.Session.Version + 1L
            Cause = "scenario"
            Fact = fact
        }

    {
        scene with
            Session = session
            Now = scene.Now.AddSeconds 1.
            Commands = commands :: scene.Commands
    }

let private openWith quiet =
    let id: SessionId = {
        Channel = "whatsapp-100"
        Customer = customer.Id
        Ordinal = 1
    }

    {
        Session = Session.initial id
        Now = DateTimeOffset(2026, 11, 2, 9, 0, 0, TimeSpan.Zero)
        Messages = 0
        Commands = []
    }
    |> happen (
        SessionOpened(
            customer,
            Spanish,
            {
                Quiet = quiet
                Idle = TimeSpan.FromMinutes 30.
            }
        )
    )

/// A session in which each text is a turn by itself.
let opened = openWith TimeSpan.Zero

/// A session in which texts are gathered for two seconds.
let openedWithQuietTime = openWith (TimeSpan.FromSeconds 2.)

let private wamid scene =
    MessageId("wamid." + string scene.Messages)

let private next scene = {
    scene with
        Messages = scene.Messages + 1
}

/// The customer writes.
let writes text scene =
    next scene
    |> happen (
        TextReceived {
            Message = wamid scene
            Text = text
            Quoted = None
        }
    )

/// The customer presses a button, whether it was offered or not.
let presses choice scene =
    next scene
    |> happen (
        ChoicePicked {
            Message = wamid scene
            ChoiceId = Choice.id choice
            Title = "botón"
            Quoted = None
        }
    )

/// The customer sends something without text.
let sends kind scene =
    next scene
    |> happen (
        MediaReceived {
            Message = wamid scene
            Kind = kind
            MediaId = Some "123"
            MimeType = None
            Sha256 = None
            FileName = None
            Caption = None
            Content = None
        }
    )

/// The file that was asked for last is kept.
let fileArrives (scene: Scene) =
    match scene.Session.Files with
    | file :: _ ->
        let (MessageId message) = file.Request.Message

        scene
        |> happen (
            FileKept(
                file.Fetch,
                {
                    Hash = FileHash(String('0', 64))
                    MimeType = "image/jpeg"
                    Size = 3L
                    Name = message + ".jpg"
                }
            )
        )
    | [] -> failwith "No file was asked for."

/// The file that was asked for last cannot be had.
let fileFails problem (scene: Scene) =
    match scene.Session.Files with
    | file :: _ -> scene |> happen (FileNotKept(file.Fetch, problem))
    | [] -> failwith "No file was asked for."

/// What holds around the conversation changes.
let surrounds how (scene: Scene) =
    scene |> happen (CircumstancesChanged(how scene.Session.Circumstances))

/// Time passes.
let waits (span: TimeSpan) scene = { scene with Now = scene.Now + span }

/// The quiet time passes.
let pauses scene =
    match scene.Session.Gathering with
    | Some gathering ->
        { scene with Now = gathering.Due }
        |> happen (TimerElapsed(QuietTimer, gathering.Due))
    | None -> failwith "Nothing is gathered."

/// The idle timer elapses.
let idles scene =
    match scene.Session.Idle with
    | Some(_, due) -> { scene with Now = max scene.Now due } |> happen (TimerElapsed(IdleTimer, due))
    | None -> failwith "No idle timer is set."

/// An answer that only replies.
let reply text : AssistantAnswer = {
    Reply = text
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

/// The number of the turn that the assistant is being asked about.
let openTurn scene =
    match Session.openTurn scene.Session with
    | Some turn -> turn.Question.Turn
    | None -> failwith "The assistant was not asked."

let answers answer scene =
    scene |> happen (AssistantAnswered(openTurn scene, answer))

let answersTurn turn answer scene =
    scene |> happen (AssistantAnswered(turn, answer))

let failsToAnswer scene =
    match Session.openTurn scene.Session with
    | Some turn ->
        scene
        |> happen (AssistantFailed(turn.Question.Turn, turn.Question.Assistant, "down"))
    | None -> failwith "The assistant was not asked."

let private owedKey scene =
    match Session.owedTicket scene.Session with
    | Some owed -> owed.Key
    | None -> failwith "No ticket is on its way."

let reference: TicketReference = { Id = 42L; Number = "HT00042" }

let odooCreates scene =
    scene |> happen (TicketCreated(owedKey scene, reference))

let odooIsDown scene =
    scene |> happen (TicketDelayed(owedKey scene, "connection refused"))

let odooRefuses scene =
    scene |> happen (TicketRefused(owedKey scene, "ValidationError"))

let odooFinds tickets scene =
    match scene.Session.LookUp with
    | Some key -> scene |> happen (TicketsFound(key, tickets))
    | None -> failwith "Nothing is looked up."

/// Any other fact.
let happens fact scene = scene |> happen fact

/// What was asked for by the last event.
let lastActions scene =
    scene.Commands |> List.head |> List.map (fun command -> command.Action)

/// What was said after the last event.
let lastSaid scene =
    lastActions scene
    |> List.choose (function
        | Say utterance -> Some utterance
        | _ -> None)

let lastPhrases scene =
    lastSaid scene |> List.map (fun utterance -> utterance.Phrase)

/// Every ticket that was asked for so far.
let ticketsAskedFor scene =
    scene.Commands
    |> List.concat
    |> List.choose (fun command ->
        match command.Action with
        | CreateTicket(ticket, _) -> Some ticket
        | _ -> None)

/// Asserts that the second is as the first, which says what is expected.
let equal (expected: 'value) (actual: 'value) =
    Xunit.Assert.Equal<'value>(expected, actual)
