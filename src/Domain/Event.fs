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
    /// Wants to be written nothing that he did not ask for.
    | WantsSilence
    /// Takes that back.
    | WantsToHear
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

/// What holds around a conversation and is worked out outside of it.
type Circumstances = {
    Opening: Opening
    /// The customer wants to hear nothing that he did not ask for.
    OptedOut: bool
    /// The ticket can be filled in as a form.
    HasForm: bool
    /// How many messages of one customer are taken in a minute. None for as many as come; then other bots are not
    /// looked for either.
    MessagesAMinute: int option
}

/// The circumstances of a conversation.
module Circumstances =
    /// What holds where nothing else was said.
    let usual: Circumstances = {
        Opening = OpenNow
        OptedOut = false
        HasForm = false
        MessagesAMinute = Some 40
    }

/// The advertisement that a customer came from. Texts are at most 300 UTF-16 units.
type AdReferral = {
    SourceId: string option
    SourceUrl: string option
    Headline: string option
    Body: string option
}

/// What a customer filled in.
type FormAnswer = {
    Message: MessageId
    /// The token that the form was sent with. None where the answer does not say.
    Token: string option
    /// Texts by name: at most 20 of at most 4,000 UTF-16 units.
    Fields: (string * string) list
    Files: FileRequest list
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
    /// What holds around the conversation changed. It is recorded ahead of what the customer did.
    | CircumstancesChanged of Circumstances
    /// The customer came from an advertisement. It is recorded ahead of the message that says so.
    | ReferredByAd of AdReferral
    /// The customer opened the chat for the first time and has written nothing.
    | ChatOpened of MessageId
    /// The customer sent a form back.
    | FormAnswered of FormAnswer
    /// The customer is reached by another number or id from now on, or a phone or a name became known; the history
    /// stays. `message` is the notice, or the message that told it with "#customer" behind.
    | CustomerMoved of message: MessageId * customer: Customer
    /// The file that this command was to fetch is kept.
    | FileKept of command: CommandKey * file: StoredFile
    /// The file that this command was to fetch will never be had.
    | FileNotKept of command: CommandKey * problem: FileProblem
    /// A file could not be put to its ticket by this command, which names it; the reason is for operators.
    | FileNotAttached of command: CommandKey * reason: string
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
