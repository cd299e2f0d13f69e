/// Conversations made of chance and malice, for the laws of the core. A conversation is a list of numbers;
/// each is read against the session as it then is, so that answers, buttons and timers really meet what is
/// open, and also come late, twice, out of order and for things that never were.
module FunctionalBot.Tests.RandomConversations

open System
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain

/// One event and what it did.
type Happening = {
    Before: Session
    Event: Event
    After: Session
    Commands: Command list
}

/// A whole conversation, oldest first.
type Conversation = {
    Happenings: Happening list
    Last: Session
}

let sessionId: SessionId = {
    Channel = "whatsapp-100"
    Customer = CustomerId "ES.13491208655302741918"
    Ordinal = 1
}

let start = DateTimeOffset(2026, 11, 2, 9, 0, 0, TimeSpan.Zero)

let private texts = [|
    "hola"
    "paso a paso"
    "Buenos días!"
    "hello"
    "oi, tudo bem?"
    "¿A qué hora abren los sábados?"
    "do you repair lawn mowers?"
    "vocês entregam em Vigo?"
    "quiero abrir un ticket"
    "quiero abrir un ticket porque la taladradora que compré echa humo, mi correo es ana@example.com"
    "open a ticket please"
    "abrir um chamado"
    "La taladradora no enciende"
    "La compré ayer y no enciende. Probé con otro enchufe y nada."
    "no puedo cancelar mi pedido"
    "ana@example.com"
    "mi correo es ana@ejemplo"
    "prefiero no"
    "saltar"
    "sí"
    "no"
    "ok"
    "👍"
    "cambia el título"
    "cambiar algo"
    "atrás"
    "cancelar"
    "quiero hablar con una persona"
    "no quiero hablar con una persona"
    "persona"
    "falar com um atendente"
    "volver al bot"
    "estado de mi ticket"
    "my tickets"
    "gracias"
    "adiós"
    "tchau"
    "ayuda"
    "no me escriban más"
    "stop"
    "alta"
    ""
    "   \n\t "
    "😀😀😀"
    "\u200b\u200e\u202e"
    "\u0000"
    "\ud83d"
    "5 < 6 & \"7\" 'ocho' <script>alert(1)</script>"
    "*negrita* _cursiva_ {title} {0} %s"
    String('a', 5000)
    String.replicate 700 "muy larga "
    "👨‍👩‍👧‍👦🇪🇸é"
|]

let private choices = [|
    OpenTicket
    CheckTickets
    TalkToPerson
    SkipEmail
    GoBack
    CancelTicket
    Confirm 3L
    Confirm 7L
    ChangeSomething
    Change TitleField
    Change DescriptionField
    Change EmailField
    KeepTicket
    AskSomethingElse
    ReturnToBot
    SayGoodbye
    WriteToMeAgain
|]

let private kinds = [|
    Image
    Video
    VoiceNote
    Audio
    Document
    Sticker
    Location
    ContactCard
    Unsupported
|]

let private intents = [|
    AsksSomething
    AsksSomething
    AsksSomething
    WantsTicket
    WantsTicketStatus
    WantsPerson
    WantsHelp
    Greets
    Leaves
    SaysYes
    WantsToChange(Some TitleField)
|]

let private pick (items: 'item[]) number = items[abs number % items.Length]

/// The choices of the last thing that was said with any.
let offeredLast (commands: Command list) =
    commands
    |> List.tryPick (fun command ->
        match command.Action with
        | Say { Choices = _ :: _ as offered } -> Some offered
        | _ -> None)

let private answer number : AssistantAnswer = {
    Reply = pick texts (number / 7)
    Intent = pick intents (number / 11)
    Sentiment = pick [| Pleased; Neutral; Upset |] (number / 13)
    Language = pick [| Spanish; Spanish; English; Portuguese |] (number / 17)
    Hints = {
        Title =
            if number % 3 = 0 then
                Some(pick texts (number / 19))
            else
                None
        Description =
            if number % 5 = 0 then
                Some(pick texts (number / 23))
            else
                None
        Email =
            if number % 7 = 0 then
                Some(pick texts (number / 29))
            else
                None
    }
    NeedsPerson = number % 31 = 0
    Knows = number % 4 <> 0
    Sources = []
}

let private fileProblems = [|
    FileTooLarge 100_000_000L
    FileTypeRefused "application/x-msdownload"
    FileTypeLies("image/png", "text/html")
    FileDamaged
    FileInfected
    FileGone
    FileUnreachable "timeout"
|]

/// No two files are alike, and none has a hash that a mask would give.
let private storedFile (fetch: CommandKey) : StoredFile = {
    Hash = FileHash("f" + (fetch.Version * 64L + int64 fetch.Ordinal).ToString "x63")
    MimeType = "image/jpeg"
    Size = 3L
    Name = "foto.jpg"
}

/// What the number says happens now. `said` are the commands so far, newest first; `wamid` is fresh.
let private factFor
    (session: Session)
    (said: Command list)
    (wamid: MessageId)
    (earlier: MessageId)
    number
    : Fact =
    let inner = number / 32

    let outOfNowhere = {
        Session = session.Id
        Version = int64 (inner % 20)
        Ordinal = inner % 3
    }

    let owedKey =
        match Session.owedTicket session with
        | Some owed when inner % 8 <> 0 -> owed.Key
        | _ -> outOfNowhere

    let turn =
        match Session.openTurn session with
        | Some turn when inner % 8 <> 0 -> turn.Question
        | _ -> {
            Turn = int64 (inner % 20)
            Assistant = pick [| Primary; StandIn |] inner
            Hint = None
            Language = Spanish
            Message = None
          }

    let press choice title =
        ChoicePicked {
            Message = wamid
            ChoiceId = choice
            Title = title
            Quoted = None
        }

    match number % 40 with
    | 0
    | 1
    | 2
    | 3
    | 4
    | 5
    | 6
    | 7 ->
        TextReceived {
            Message = wamid
            Text = pick texts inner
            Quoted = None
        }
    | 8
    | 9
    | 10
    | 11
    | 12 ->
        match offeredLast said with
        | Some offered -> press (Choice.id (pick (List.toArray offered) inner)) "botón"
        | None -> press (Choice.id (pick choices inner)) "botón"
    | 13 -> press (Choice.id (pick choices inner)) "botón"
    | 14 -> press "an-id-never-offered" (pick texts inner)
    | 15 ->
        MediaReceived {
            Message = wamid
            Kind = pick kinds inner
            MediaId = if inner % 4 <> 0 then Some "1234567890" else None
            MimeType = None
            Sha256 = None
            FileName = None
            Caption = if inner % 3 = 0 then Some(pick texts inner) else None
            Content = None
        }
    | 16 -> ReactionReceived(wamid, earlier, pick [| Some "👍"; Some "😢"; None |] inner)
    | 17 -> MessageEdited(wamid, earlier, pick texts inner)
    | 18 -> MessageRevoked(wamid, earlier)
    | 19 ->
        let codes = [| 131026; 131047; 131050; 0 |]

        let failed =
            said
            |> List.filter (fun command -> command.Action.IsSay)
            |> List.truncate 3
            |> List.toArray

        if failed.Length = 0 || inner % 8 = 0 then
            DeliveryFailed(outOfNowhere, 131026, "Message undeliverable")
        else
            DeliveryFailed((pick failed inner).Key, pick codes (inner / 3), "Message undeliverable")
    | 20
    | 21
    | 22
    | 23 -> AssistantAnswered(turn.Turn, answer inner)
    | 24 -> AssistantFailed(turn.Turn, turn.Assistant, "timeout")
    | 25
    | 26 ->
        TicketCreated(
            owedKey,
            {
                Id = int64 inner
                Number = "HT" + string (inner % 100000)
            }
        )
    | 27 -> TicketDelayed(owedKey, "connection refused")
    | 28 -> TicketRefused(owedKey, "ValidationError")
    | 29 ->
        let key = session.LookUp |> Option.defaultValue outOfNowhere

        if inner % 4 = 0 then
            TicketLookUpFailed(key, "down")
        else
            TicketsFound(
                key,
                [
                    for index in 1 .. inner % 4 do
                        {
                            Reference = {
                                Id = int64 index
                                Number = "HT0000" + string index
                            }
                            Title = pick texts (inner + index)
                            Stage = "Nuevo"
                            Closed = index % 2 = 0
                        }
                ]
            )
    | 30 ->
        match session.Gathering with
        | Some gathering when inner % 8 <> 0 -> TimerElapsed(QuietTimer, gathering.Due)
        | _ -> TimerElapsed(QuietTimer, start.AddMinutes(float (inner % 60)))
    | 31
    | 32 ->
        match session.Files |> List.filter (fun file -> file.State = Awaited) with
        | awaited when not awaited.IsEmpty && inner % 8 <> 0 ->
            let file = pick (List.toArray awaited) inner

            if inner % 3 = 0 then
                FileNotKept(file.Fetch, pick fileProblems (inner / 3))
            else
                FileKept(file.Fetch, storedFile file.Fetch)
        | _ -> FileKept(outOfNowhere, storedFile outOfNowhere)
    | 33 -> FileNotAttached(outOfNowhere, "refused")
    | 34 ->
        CircumstancesChanged {
            Opening =
                if inner % 2 = 0 then
                    OpenNow
                else
                    ClosedUntil(Some(start.AddDays 1.), None)
            OptedOut = inner % 3 = 0
            HasForm = inner % 5 < 3
            MessagesAMinute = pick [| None; Some 1; Some 5; Some 40 |] (inner / 7)
        }
    | 35 ->
        ReferredByAd {
            SourceId = Some "1202"
            SourceUrl = None
            Headline = if inner % 2 = 0 then Some(pick texts inner) else None
            Body = None
        }
    | 36 -> ChatOpened wamid
    | 37 ->
        FormAnswered {
            Message = wamid
            // Mostly the form that was shown, where one was.
            Token =
                match session.Form, inner % 4 with
                | Some form, (0 | 1) -> Some(CommandKey.text form)
                | _, 2 -> None
                | _ -> Some(CommandKey.text outOfNowhere)
            Fields = [
                "title", pick texts inner
                "description", pick texts (inner / 3)
                "email", pick texts (inner / 7)
            ]
            Files = [
                for place in 1 .. inner % 3 do
                    {
                        Message = wamid
                        Place = place
                        Kind = Image
                        MediaId = string place
                        MimeType = None
                        Sha256 = None
                        FileName = None
                    }
            ]
        }
    | 38 ->
        CustomerMoved(
            wamid,
            {
                Id = sessionId.Customer
                Phone = Some "34600000009"
                Name = None
            }
        )
    | _ ->
        match session.Idle with
        | Some(_, due) when inner % 8 <> 0 -> TimerElapsed(IdleTimer, due)
        | _ -> TimerElapsed(IdleTimer, start.AddMinutes(float (inner % 60)))

let private opening (numbers: int list) : Fact =
    let first = List.tryHead numbers |> Option.defaultValue 0

    SessionOpened(
        {
            Id = sessionId.Customer
            Phone = if first % 3 = 0 then None else Some "34600000001"
            Name =
                pick [| None; Some "Ana"; Some ""; Some(String('x', 300)); Some "*R_b{o}ta* 😀" |] (first / 3)
        },
        Spanish,
        {
            Quiet =
                if first % 2 = 0 then
                    TimeSpan.Zero
                else
                    TimeSpan.FromSeconds 2.
            Idle = TimeSpan.FromMinutes 30.
        }
    )

/// Plays the numbers. Time moves by seconds, sometimes by hours and sometimes backwards, as clocks of others
/// do. Some numbers repeat an earlier event, skip a version, or name another session.
let play (transition: Session -> Event -> Session * Command list) (numbers: int list) : Conversation =
    let mutable session = Session.initial sessionId
    let mutable now = start
    let mutable said: Command list = []
    let happenings = ResizeArray<Happening>()

    let take event =
        let before = session
        let after, commands = transition before event

        happenings.Add {
            Before = before
            Event = event
            After = after
            Commands = commands
        }

        session <- after
        said <- List.rev commands @ said

    let envelope fact = {
        Id = Guid.Empty
        At = now
        Session = sessionId
        Version = session.Version + 1L
        Cause = "test"
        Fact = fact
    }

    take (envelope (opening numbers))

    for index, number in List.indexed numbers do
        now <-
            match number % 17 with
            | 0 -> now.AddMinutes 31.
            | 1 -> now.AddSeconds -5.
            | 2 -> now
            | step -> now.AddSeconds(float step)

        let wamid = MessageId("wamid." + string index)
        let earlier = MessageId("wamid." + string (abs (number / 3) % (index + 1)))

        match number % 23 with
        | 0 -> take happenings[abs (number / 23) % happenings.Count].Event
        | 1 ->
            let again = happenings[abs (number / 23) % happenings.Count].Event

            take {
                again with
                    Version = session.Version + 1L
                    At = now
            }
        | 2 when number % 2 = 0 ->
            take {
                envelope (factFor session said wamid earlier (number / 23)) with
                    Version = session.Version + 2L
            }
        | 2 ->
            take {
                envelope (factFor session said wamid earlier (number / 23)) with
                    Session = { sessionId with Ordinal = 2 }
            }
        | _ -> take (envelope (factFor session said wamid earlier (number / 23)))

    {
        Happenings = List.ofSeq happenings
        Last = session
    }

/// The numbers of a conversation of up to about forty events.
let numbers: Gen<int list> = gen {
    let! length = Gen.choose (0, 40)
    return! Gen.listOfLength length (Gen.choose (0, Int32.MaxValue))
}

/// How often each law is tried. `BOT_LAW_CASES` asks for more, for a long search.
let cases =
    match Int32.TryParse(Environment.GetEnvironmentVariable "BOT_LAW_CASES") with
    | true, asked when asked > 0 -> asked
    | _ -> 10_000

/// Tries a law on random conversations; a failure prints the seed to replay and the shortest conversation
/// found.
let holds (law: Conversation -> bool) =
    let property =
        Prop.forAll
            (Arb.fromGenShrink (numbers, Arb.toShrink (ArbMap.defaults |> ArbMap.arbitrary<int list>)))
            (fun numbers -> law (play Transition.transition numbers))

    Check.One(Config.QuickThrowOnFailure.WithMaxTest(cases), property)
