namespace FunctionalBot.Domain

open System

/// One message that waits for the quiet time to pass.
type Gathered =
    | GatheredText of MessageId * string
    /// A file, with the command that fetches it.
    | GatheredFile of MessageId * MediaKind * fetch: CommandKey

/// Messages that wait for the quiet time to pass, oldest first. They are few and short: `Turns` sees to it.
type Gathering = {
    Items: Gathered list
    /// The key and the time of the timer that ends the waiting.
    Timer: CommandKey
    Due: DateTimeOffset
}

/// A question that the assistant has not answered yet.
type OpenTurn = {
    Key: CommandKey
    Question: AssistantQuestion
}

/// What a bare "yes" would mean now.
type Offer =
    | NothingOffered
    /// "May I open a ticket for it?"
    | TicketOffered
    /// "Shall I fetch a person?"
    | PersonOffered
    /// "Is there anything else?"
    | MoreHelpOffered

/// A ticket whose creation was asked for and is not known to be done.
type OwedTicket = {
    Key: CommandKey
    Ticket: Ticket
    /// The customer was told that it takes longer.
    ToldDelay: bool
}

/// Where the ticket dialogue stands.
type Step =
    | AskingTitle
    | AskingDescription
    | AskingEmail
    /// The customer sees this ticket; `revision` is the version of the event that showed it.
    | Confirming of shown: Ticket * revision: int64
    | Creating of OwedTicket

/// Why a session ended.
type ClosedReason =
    | CustomerLeft
    | WentIdle

/// What the conversation is about now, with what only that needs.
type Phase =
    | Conversing of turn: OpenTurn option * offer: Offer
    | TicketCreation of Draft * Step
    /// The team has it. `creation` is the command that opened the ticket for them; `told` that the customer
    /// knows messages are passed on.
    | WithAgent of creation: CommandKey * told: bool
    | Closed of ClosedReason

/// How far the customer knows what was said; `Undelivered` has the rules.
type Delivery = {
    /// The message that was said last.
    LastSaid: CommandKey option
    /// Messages that did not arrive and of which the customer has not heard, newest first.
    Lost: CommandKey list
    /// The last message that told of lost ones. Where it is lost too, nobody apologises for it.
    Apology: CommandKey option
}

/// How fast and how uniformly messages come; `Brakes` has the rules.
type Pulse = {
    /// When the running minute began, and how many messages came in it.
    Since: DateTimeOffset
    Count: int
    /// A digest of the last text, and how often it came in a row.
    LastText: int
    Repeats: int
    /// The customer was told why nothing more is taken.
    Told: bool
}

/// The state of one conversation: what the fold of its events gives. It is small; the words are in the
/// stream.
type Session = {
    Id: SessionId
    /// The version of the last event that was folded in; 0 before the first.
    Version: int64
    Customer: Customer
    Language: Language
    Policy: Policy
    /// When the customer last did something.
    LastActivity: DateTimeOffset
    /// The idle timer that is set, with its key.
    Idle: (CommandKey * DateTimeOffset) option
    /// The last messages that were taken in, newest first, to know one that comes twice.
    Recent: MessageId list
    Gathering: Gathering option
    /// A look-up of tickets that has not come back.
    LookUp: CommandKey option
    /// A ticket that is still to come while the conversation has moved on. Never set together with Creating.
    Owed: OwedTicket option
    /// The command that opened the ticket for the team, once a person was asked for: one a session is enough.
    HandedOver: CommandKey option
    /// The bot has said who it is.
    Introduced: bool
    Delivery: Delivery
    Circumstances: Circumstances
    /// The advertisement that the customer came from, until it was spoken of.
    Referral: AdReferral option
    /// The files of this session, newest first, at most `CustomerFile.most`.
    Files: CustomerFile list
    Pulse: Pulse
    /// The message that showed the form of the ticket that is being told.
    Form: CommandKey option
    Phase: Phase
}

/// Reading a session.
module Session =
    /// How many message ids are remembered.
    let remembered = 24

    /// The state before the first event.
    let initial (id: SessionId) : Session = {
        Id = id
        Version = 0L
        Customer = {
            Id = id.Customer
            Phone = None
            Name = None
        }
        Language = Spanish
        Policy = {
            Quiet = TimeSpan.Zero
            Idle = TimeSpan.FromMinutes 30.
        }
        LastActivity = DateTimeOffset.MinValue
        Idle = None
        Recent = []
        Gathering = None
        LookUp = None
        Owed = None
        HandedOver = None
        Introduced = false
        Delivery = {
            LastSaid = None
            Lost = []
            Apology = None
        }
        Circumstances = Circumstances.usual
        Referral = None
        Files = []
        Pulse = {
            Since = DateTimeOffset.MinValue
            Count = 0
            LastText = 0
            Repeats = 0
            Told = false
        }
        Form = None
        Phase = Conversing(None, NothingOffered)
    }

    let isClosed session =
        match session.Phase with
        | Closed _ -> true
        | Conversing _
        | TicketCreation _
        | WithAgent _ -> false

    /// Whether the bot has said anything in this session.
    let hasSpoken session = session.Delivery.LastSaid.IsSome

    /// The one ticket that is being created for this session, if any.
    let owedTicket session =
        match session.Phase with
        | TicketCreation(_, Creating owed) -> Some owed
        | _ -> session.Owed

    /// Whether a form was shown for the ticket that is being told, and still counts.
    let hasOpenForm (session: Session) =
        match session.Phase with
        | TicketCreation(_, Creating _) -> false
        | TicketCreation _ -> session.Form.IsSome
        | Conversing _
        | WithAgent _
        | Closed _ -> false

    /// The assistant's turn that is open, if any.
    let openTurn session =
        match session.Phase with
        | Conversing(turn, _) -> turn
        | TicketCreation _
        | WithAgent _
        | Closed _ -> None
