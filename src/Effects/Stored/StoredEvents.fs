/// The stored shapes of events: one plain record per type, as it lies in `mt_events.data`. A shape never
/// changes, since streams are kept for ever; whatever needs another shape gets another name. `data/events/`
/// holds one of each.
///
/// Plain System.Text.Json reads and writes them (PascalCase, no unions, nulls written, no converter needed),
/// so that a team with Marten maps its own type with `MapEventType<TheirType>("text_received")`. What is a
/// union in the domain is a text here, because a text survives that cases are added or put in another order
/// and an enum's number does not.
///
/// `At` and `Cause` are the envelope: when it happened (UTC) and what brought it about. Id, stream and
/// version are columns.
namespace FunctionalBot.Stored

open System

/// A conversation began.
type SessionOpened = {
    At: DateTimeOffset
    Cause: string
    Customer: string
    Phone: string option
    Name: string option
    /// "es", "en" or "pt".
    Language: string
    /// As System.Text.Json writes a span of time: "hh:mm:ss".
    Quiet: TimeSpan
    Idle: TimeSpan
}

/// The customer wrote a text.
type TextReceived = {
    At: DateTimeOffset
    Cause: string
    Message: string
    Text: string
    Quoted: string option
}

/// The customer pressed a button or chose from a list.
type ChoicePicked = {
    At: DateTimeOffset
    Cause: string
    Message: string
    ChoiceId: string
    Title: string
    Quoted: string option
}

/// The customer sent a file, a place, a card, or something that WhatsApp does not hand on.
type MediaReceived = {
    At: DateTimeOffset
    Cause: string
    Message: string
    /// "image", "video", "voice-note", "audio", "document", "sticker", "location", "contact-card" or "other".
    Kind: string
    MediaId: string option
    MimeType: string option
    Sha256: string option
    FileName: string option
    Caption: string option
    Content: string option
}

/// The customer reacted to a message; no emoji takes the reaction away.
type ReactionReceived = {
    At: DateTimeOffset
    Cause: string
    Message: string
    Target: string
    Emoji: string option
}

/// The customer changed an earlier text.
type MessageEdited = {
    At: DateTimeOffset
    Cause: string
    Message: string
    Original: string
    Text: string
}

/// The customer took a message back.
type MessageRevoked = {
    At: DateTimeOffset
    Cause: string
    Message: string
    Original: string
}

/// WhatsApp could not deliver what a command said.
type DeliveryFailed = {
    At: DateTimeOffset
    Cause: string
    /// The command's key as text.
    Command: string
    Code: int
    Title: string
}

/// What the assistant read about a ticket.
type TicketHints = {
    Title: string option
    Description: string option
    Email: string option
}

/// The assistant answered a turn.
type AssistantAnswered = {
    At: DateTimeOffset
    Cause: string
    Turn: int64
    Reply: string
    /// The intent's name, for example "wants-ticket", "wants-to-change" or "wants-to-change:title".
    Intent: string
    /// "pleased", "neutral" or "upset".
    Sentiment: string
    Language: string
    Hints: TicketHints
    NeedsPerson: bool
    Knows: bool
    Sources: string[]
}

/// No answer could be had for a turn.
type AssistantFailed = {
    At: DateTimeOffset
    Cause: string
    Turn: int64
    /// "primary" or "stand-in".
    Assistant: string
    Reason: string
}

/// The ticket that a command asked for exists.
type TicketCreated = {
    At: DateTimeOffset
    Cause: string
    Command: string
    TicketId: int64
    Number: string
}

/// Odoo cannot be reached for now.
type TicketDelayed = {
    At: DateTimeOffset
    Cause: string
    Command: string
    Reason: string
}

/// Odoo will not take the ticket.
type TicketRefused = {
    At: DateTimeOffset
    Cause: string
    Command: string
    Reason: string
}

/// One of the customer's tickets as it was when it was looked up.
type TicketSummary = {
    TicketId: int64
    Number: string
    Title: string
    Stage: string
    Closed: bool
}

/// The customer's tickets were looked up, newest first.
type TicketsFound = {
    At: DateTimeOffset
    Cause: string
    Command: string
    Tickets: TicketSummary[]
}

/// The customer's tickets could not be looked up.
type TicketLookUpFailed = {
    At: DateTimeOffset
    Cause: string
    Command: string
    Reason: string
}

/// What holds around the conversation changed.
type CircumstancesChanged = {
    At: DateTimeOffset
    Cause: string
    /// "open" or "closed": whether the team is there.
    Opening: string
    /// The next opening, in the business's own time.
    Until: DateTimeOffset option
    Holiday: string option
    OptedOut: bool
    HasForm: bool
    MessagesAMinute: int option
}

/// The customer came from an advertisement.
type ReferredByAd = {
    At: DateTimeOffset
    Cause: string
    SourceId: string option
    SourceUrl: string option
    Headline: string option
    Body: string option
}

/// The customer opened the chat for the first time.
type ChatOpened = {
    At: DateTimeOffset
    Cause: string
    Message: string
}

/// A text of a form.
type FormField = { Name: string; Value: string }

/// A file of a form.
type FormFile = {
    Message: string
    Place: int
    Kind: string
    MediaId: string
    MimeType: string option
    Sha256: string option
    FileName: string option
}

/// The customer sent a form back.
type FormAnswered = {
    At: DateTimeOffset
    Cause: string
    Message: string
    Token: string option
    Fields: FormField[]
    Files: FormFile[]
}

/// The customer is reached by another number or id from now on.
type CustomerMoved = {
    At: DateTimeOffset
    Cause: string
    Message: string
    Customer: string
    Phone: string option
    Name: string option
}

/// The file that a command was to fetch is kept.
type FileKept = {
    At: DateTimeOffset
    Cause: string
    Command: string
    /// SHA-256 of the bytes, 64 lower-case hex digits.
    Hash: string
    MimeType: string
    /// Bytes.
    Size: int64
    Name: string
}

/// The file that a command was to fetch will never be had.
type FileNotKept = {
    At: DateTimeOffset
    Cause: string
    Command: string
    /// "too-large", "type-refused", "type-lies", "damaged", "infected", "gone" or "unreachable".
    Problem: string
    /// The type or the reason, where the problem has one.
    Detail: string option
    /// What a file with a lying type is.
    Found: string option
    /// Bytes, where it is too large.
    Limit: int64 option
}

/// A file could not be put to its ticket.
type FileNotAttached = {
    At: DateTimeOffset
    Cause: string
    Command: string
    Reason: string
}

/// The time that a timer was set for has come.
type TimerElapsed = {
    At: DateTimeOffset
    Cause: string
    /// "quiet" or "idle".
    Timer: string
    Due: DateTimeOffset
}
