namespace FunctionalBot.Domain

open System

/// What the customer wants, as the rules or the assistant recognised it.
type Intent =
    | WantsTicket
    | WantsTicketStatus
    | WantsPerson
    | WantsHelp
    | WantsToCancel
    | WantsToGoBack
    | WantsToSkip
    | WantsToChange of TicketField option
    | WantsBot
    | SaysYes
    | SaysNo
    | Greets
    | Leaves
    /// A question or a remark for the assistant.
    | AsksSomething

/// How the customer seems to feel, as the assistant judged it.
type Sentiment =
    | Pleased
    | Neutral
    | Upset

/// One structured answer of the assistant to one turn.
type AssistantAnswer = {
    Reply: string
    Intent: Intent
    Sentiment: Sentiment
    Language: Language
    Hints: TicketHints
    NeedsPerson: bool
    /// False when the assistant says that it does not know; then a ticket or a person is offered with the
    /// reply.
    Knows: bool
    /// Names of the knowledge passages that the reply rests on.
    Sources: string list
}

/// Which assistant is asked: the one that is set up, or the local one that stands in while that is down.
type Assistant =
    | Primary
    | StandIn

/// The two clocks of a session. Setting one again moves it.
type Timer =
    | QuietTimer
    | IdleTimer

/// A text as the customer typed it; a caption of a picture counts as text too.
type CustomerText = {
    Message: MessageId
    Text: string
    /// The message that the customer quoted.
    Quoted: MessageId option
}

/// A button or row that the customer pressed.
type CustomerChoice = {
    Message: MessageId
    /// The id that came back, as it was; `Choice.ofId` reads it.
    ChoiceId: string
    Title: string
    /// The message that held the button.
    Quoted: MessageId option
}

/// A file, place or card that the customer sent.
type CustomerMedia = {
    Message: MessageId
    Kind: MediaKind
    /// Meta's id of the file, valid for 7 days. None for places and cards.
    MediaId: string option
    MimeType: string option
    /// As Meta sent it (base64 in webhooks).
    Sha256: string option
    FileName: string option
    Caption: string option
    /// What has no file: a place or a card in plain words (`Location` and `ContactCard`), else what the element says
    /// beside its sender, id and time as compact JSON, so that nothing is lost.
    Content: string option
}

/// What happened. Every case is past tense and is kept for ever in the session's stream.
/// NOTE: these are not the stored shapes; `Effects/Codec.fs` holds those, and they never change.
type Fact =
    /// A conversation began. Always version 1 of a stream.
    | SessionOpened of customer: Customer * language: Language * policy: Policy
    /// The customer wrote a text.
    | TextReceived of CustomerText
    /// The customer pressed a button or chose from a list.
    | ChoicePicked of CustomerChoice
    /// The customer sent a file, a place, a card, or something that WhatsApp does not hand on.
    | MediaReceived of CustomerMedia
    /// The customer reacted to a message; None takes the reaction away. No answer is due.
    | ReactionReceived of message: MessageId * target: MessageId * emoji: string option
    /// The customer changed an earlier text. Before its turn was taken the new text replaces the old one.
    | MessageEdited of message: MessageId * original: MessageId * text: string
    /// The customer took a message back. Before its turn was taken it is forgotten.
    | MessageRevoked of message: MessageId * original: MessageId
    /// WhatsApp could not deliver something the bot said; `code` is Meta's error code.
    | DeliveryFailed of command: CommandKey * code: int * title: string
    /// The assistant answered the turn with this number.
    | AssistantAnswered of turn: int64 * answer: AssistantAnswer
    /// No answer could be had for the turn from the assistant that was asked.
    | AssistantFailed of turn: int64 * assistant: Assistant * reason: string
    /// The ticket that this command asked for exists.
    | TicketCreated of command: CommandKey * ticket: TicketReference
    /// Odoo cannot be reached for now; the command stays queued and will be tried until it is done.
    | TicketDelayed of command: CommandKey * reason: string
    /// Odoo will not take the ticket, however often it is tried.
    | TicketRefused of command: CommandKey * reason: string
    /// The customer's tickets were looked up, newest first.
    | TicketsFound of command: CommandKey * tickets: TicketSummary list
    | TicketLookUpFailed of command: CommandKey * reason: string
    /// The time that a timer was set for has come.
    | TimerElapsed of timer: Timer * due: DateTimeOffset

/// One fact with its envelope. Time and ids are stamped outside; the core reads no clock and draws no id.
type Event = {
    Id: Guid
    /// When it was taken in, by the host's clock, UTC. Timers count from here: a message that reached the
    /// host late gives the customer the full idle time all the same. (The sender's time only orders what
    /// waits together.)
    At: DateTimeOffset
    Session: SessionId
    /// 1, 2, 3… without holes within a session.
    Version: int64
    /// What brought it about: the inbox entry's source, for example "wamid.…" or a command's key.
    Cause: string
    Fact: Fact
}
