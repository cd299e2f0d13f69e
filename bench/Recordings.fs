/// Conversations as they are had, played once through the core and kept as lists of events.
module FunctionalBot.Bench.Recordings

open System
open FunctionalBot.Domain

/// One conversation: the session before it and its events in order.
type Recording = { Start: Session; Events: Event[] }

/// What a script says happens next. It sees the session, since answers name what is open.
type private Line = Session -> Fact option

/// Ana writes.
let private write number text : Line =
    fun _ ->
        Some(
            TextReceived {
                Message = MessageId("wamid.text." + string<int> number)
                Text = text
                Quoted = None
            }
        )

/// Ana presses a button.
let private press number (choice: Session -> Choice) : Line =
    fun session ->
        Some(
            ChoicePicked {
                Message = MessageId("wamid.choice." + string<int> number)
                ChoiceId = Choice.id (choice session)
                Title = "botón"
                Quoted = None
            }
        )

let private send number kind : Line =
    fun _ ->
        Some(
            MediaReceived {
                Message = MessageId("wamid.media." + string<int> number)
                Kind = kind
                MediaId = Some "1234567890"
                MimeType = Some "image/jpeg"
                Sha256 = None
                FileName = None
                Caption = None
                Content = None
            }
        )

let private answer: Line =
    fun session ->
        Session.openTurn session
        |> Option.map (fun turn ->
            AssistantAnswered(
                turn.Question.Turn,
                {
                    Reply = "Abrimos de lunes a viernes, de 9 a 14 y de 16 a 20 horas."
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
                    Sources = [ "horario-y-contacto" ]
                }
            ))

let private reference: TicketReference = { Id = 42L; Number = "HT00042" }

let private createTicket: Line =
    fun session ->
        Session.owedTicket session
        |> Option.map (fun owed -> TicketCreated(owed.Key, reference))

let private findTickets: Line =
    fun session ->
        session.LookUp
        |> Option.map (fun key ->
            TicketsFound(
                key,
                [
                    {
                        Reference = reference
                        Title = "La taladradora no enciende"
                        Stage = "En curso"
                        Closed = false
                    }
                ]
            ))

let private confirmShown (session: Session) =
    match session.Phase with
    | TicketCreation(_, Confirming(_, revision)) -> Confirm revision
    | _ -> ReturnToBot

let private quiet: Line =
    fun session ->
        session.Gathering
        |> Option.map (fun gathering -> TimerElapsed(QuietTimer, gathering.Due))

let private fail: Line =
    fun session ->
        Some(
            DeliveryFailed(
                {
                    Session = session.Id
                    Version = 1L
                    Ordinal = 0
                },
                131026,
                "Message undeliverable"
            )
        )

/// The customer's messages come again now and then, as Meta's webhooks do.
let private doubled (line: Line) : Line list = [ line; line ]

/// Questions that the assistant answers, with the small talk around them. `from` numbers the messages.
let private questions from : Line list = [
    write from "Hola, buenos días"
    yield! doubled (write (from + 1) "¿A qué hora abren los sábados? Quería pasar a recoger un pedido")
    quiet
    answer
    write (from + 2) "¿Y reparan cortacéspedes de otras marcas?"
    write (from + 3) "El mío es de gasolina y tiene unos ocho años"
    quiet
    answer
    write (from + 4) "muchas gracias"
    quiet
]

/// A ticket from the wish to its number, with a mistake on the way.
let private ticket from : Line list = [
    write from "quiero abrir un ticket por favor"
    quiet
    write (from + 1) "La taladradora no enciende"
    quiet
    yield! doubled (write (from + 2) "La compré ayer y no enciende. Probé con otro enchufe y nada.")
    quiet
    write (from + 3) "mi correo es ana@ejemplo"
    quiet
    write (from + 4) "ana@example.com"
    quiet
    press (from + 5) (fun _ -> Change TitleField)
    write (from + 6) "Taladradora nueva que no enciende"
    quiet
    press (from + 7) confirmShown
    createTicket
]

/// Everything that comes without a text. The session stays open, so that it can be had again and again.
let private withoutText from : Line list = [
    press from (fun _ -> CheckTickets)
    findTickets
    send (from + 1) Image
    press (from + 2) (fun _ -> OpenTicket)
    send (from + 3) VoiceNote
    press (from + 4) (fun _ -> CancelTicket)
    yield! doubled (press (from + 5) (fun _ -> AskSomethingElse))
    fail
    press (from + 6) (fun _ -> TalkToPerson)
    createTicket
    send (from + 7) Document
    press (from + 8) (fun _ -> ReturnToBot)
]

let private goodbye from : Line list = [ write from "adiós"; quiet ]

let private record (customer: string) (span: TimeSpan) (lines: Line list) : Recording =
    let id: SessionId = {
        Channel = "whatsapp-100000000000001"
        Customer = CustomerId customer
        Ordinal = 1
    }

    let opening: Line =
        fun _ ->
            Some(
                SessionOpened(
                    {
                        Id = id.Customer
                        Phone = Some "34600000001"
                        Name = Some "Ana"
                    },
                    Spanish,
                    {
                        Quiet = span
                        Idle = TimeSpan.FromMinutes 30.
                    }
                )
            )

    let mutable session = Session.initial id
    let mutable now = DateTimeOffset(2026, 11, 2, 9, 0, 0, TimeSpan.Zero)
    let events = ResizeArray()

    for line in opening :: lines do
        match line session with
        | None -> ()
        | Some fact ->
            let event = {
                Id = Guid.CreateVersion7 now
                At = now
                Session = id
                Version = session.Version + 1L
                Cause = "whatsapp:wamid.recording." + string events.Count
                Fact = fact
            }

            events.Add event
            session <- Transition.evolve session event
            now <- now.AddSeconds 2.

    {
        Start = Session.initial id
        Events = events.ToArray()
    }

/// A day's mix: questions, a whole ticket, questions before a ticket, with and without the quiet time in
/// which messages are gathered. Some messages come twice.
let mixed: Recording list =
    let quiet = TimeSpan.FromSeconds 1.5

    [
        record "ES.1" quiet (questions 0 @ goodbye 100)
        record "ES.2" TimeSpan.Zero (questions 0 @ goodbye 100)
        record "ES.3" quiet (ticket 0 @ goodbye 100)
        record "ES.4" TimeSpan.Zero (questions 0 @ ticket 20 @ goodbye 100)
        record "ES.5" quiet (questions 0 @ ticket 20 @ withoutText 40 @ goodbye 100)
    ]

/// Buttons, files, outcomes and failures only.
let textless: Recording list = [ record "ES.6" TimeSpan.Zero (withoutText 0 @ withoutText 20) ]

/// One conversation of about so many events, for reading long streams.
let long (events: int) : Recording =
    let perTurn = (questions 0).Length + (withoutText 0).Length

    [
        for turn in 0 .. events / perTurn do
            yield! questions (turn * 100)
            yield! withoutText (turn * 100 + 50)
    ]
    |> record "ES.7" TimeSpan.Zero
