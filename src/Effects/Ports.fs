namespace FunctionalBot.Effects

open System
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

// ---------------------------------------------------------------------------------------------------------------
// The clock and chance. Whatever waits, reads a clock or draws a number does it through this one port, so that the
// real engine can run under a virtual clock and seeded chance.

/// Time, ids and chance of the world outside.
[<NoComparison; NoEquality>]
type World = {
    /// The time now, UTC.
    Now: unit -> DateTimeOffset
    /// A clock that nobody sets and that never goes back. Only differences mean something; time in which the
    /// machine slept may be missing.
    Elapsed: unit -> TimeSpan
    /// Completes when the span has passed, or is cancelled with the token.
    Delay: TimeSpan -> CancellationToken -> Task
    NewId: unit -> Guid
    /// Evenly spread, from 0 up to but not including 1.
    Random: unit -> float
}

// ---------------------------------------------------------------------------------------------------------------
// WhatsApp

/// Who wrote, as far as the webhook tells. At least one of the two ids is there.
type Person = {
    /// Meta's business-scoped user id ("ES.1349…").
    BusinessScopedId: string option
    /// International digits without "+".
    Phone: string option
    /// The profile name.
    Name: string option
}

/// Somebody who is reached by other ids than before. What is not told is None; the names always are.
type PersonMove = {
    /// The ids that are given up. At least one is there.
    Before: Person
    /// The ids from then on. At least one is there, and none that is given up.
    After: Person
}

/// How far a message got, as a status webhook says.
type DeliveryStatus =
    | Sent
    | Delivered
    | Read
    | Played
    | Failed of code: int * title: string
    /// A status that this version does not know, as it was written.
    | UnknownStatus of string

/// Statuses as WhatsApp calls them.
module DeliveryStatus =
    /// The word for it; the reason of a failure is not a part of it.
    let name (status: DeliveryStatus) : string =
        match status with
        | Sent -> "sent"
        | Delivered -> "delivered"
        | Read -> "read"
        | Played -> "played"
        | Failed _ -> "failed"
        | UnknownStatus name -> name

/// One element of a webhook body.
type Update =
    /// Something a customer did. `SourceId` is the wamid; `At` is Meta's timestamp (whole seconds, UTC).
    | CustomerDid of channel: string * person: Person * sourceId: string * at: DateTimeOffset * fact: Fact
    /// WhatsApp says that a person's number or business-scoped id is another one now. `SourceId` and `At` as above.
    | PersonMoved of channel: string * move: PersonMove * sourceId: string * at: DateTimeOffset
    /// A status of a message of ours. `callback` is the `biz_opaque_callback_data`, the text of a
    /// CommandKey if it is ours.
    | StatusCame of
        channel: string *
        message: MessageId *
        status: DeliveryStatus *
        callback: string option *
        at: DateTimeOffset
    /// Of no use (another field, a group message, a call), or nothing that anybody said; kept with the reason.
    | NothingToDo of sourceId: string option * reason: string * raw: string
    /// Somebody may have said something, and nobody can tell who, to whom or what: it ends dead, so that operators see
    /// it, and is kept with the reason.
    | NotUnderstood of sourceId: string option * reason: string * raw: string

/// What came of a call to the Graph API (references: Meta's error codes page; only 4, 80007, 130429 and
/// 131056 are refused before anything is done).
type SendOutcome =
    /// Meta took it and gave it this id. That it arrives, only a status webhook tells.
    | Accepted of MessageId
    /// It was refused before it was processed and may be sent again, after this time if Meta named one.
    | RetryLater of after: TimeSpan option * reason: string
    /// This customer was sent too many messages in a short time. It was refused before it was processed;
    /// other customers are not concerned.
    | RecipientBusy of reason: string
    /// It may have been sent: no answer, a broken answer, or an error that leaves it open.
    | OutcomeUnknown of reason: string
    /// It will never be sent as it is. The code is Meta's; 0 where no call was made for it, or none came to an end.
    | Refused of code: int * reason: string
    /// Nothing can be sent at all until somebody acts (dead token, locked account).
    | ChannelStopped of code: int * reason: string
    /// The call was not made, for a reason of our own: a limit, a service that is left alone for a while, a
    /// stopped channel. It is worth a try after this time and does not count as one.
    | HeldBack of after: TimeSpan * reason: string

/// The Cloud API. Never throws for what a network or Meta can do.
[<NoComparison; NoEquality>]
type WhatsAppPort = {
    Send: Outgoing -> CancellationToken -> Task<SendOutcome>
    /// Marks a message and all before it as read, and shows the typing dots for 25 seconds or until something
    /// is said. The text is the channel that the message came to, since only that number can mark it.
    MarkRead: string -> MessageId -> CancellationToken -> Task<SendOutcome>
    /// Gives Meta a file to be sent from the channel's number. Never holds it in memory whole. Error with why Meta
    /// does not have it: never `OutcomeUnknown` or `Accepted`, since a file that is there twice harms nobody.
    Upload: string -> FileUpload -> CancellationToken -> Task<Result<UploadedFile, SendOutcome>>
}

// ---------------------------------------------------------------------------------------------------------------
// The assistant

/// Who said one line of the conversation.
type Speaker =
    | CustomerSaid
    | BotSaid

/// What the assistant is given for one turn.
type AssistantRequest = {
    /// A stable name of the customer that is not the customer's number (an HMAC), at most 64 characters.
    SafetyIdentifier: string
    Language: Language
    /// The conversation so far, oldest first; the last lines are what the customer says now.
    Thread: (Speaker * string) list
    /// The words of the message that the customer's last lines answer, where the customer chose one to answer.
    About: string option
    /// What the rules understood already.
    Hint: Intent option
}

/// Why no answer came.
type AssistantFailure =
    /// Worth another try, after this time if the service named one.
    | AskAgain of after: TimeSpan option * reason: string
    /// Another try would end the same way; `reason` is for operators and holds nothing personal.
    | CannotAnswer of reason: string

/// An assistant: OpenAI's Responses, the local retrieval, or the echo of benchmarks.
[<NoComparison; NoEquality>]
type AssistantPort = {
    Ask: AssistantRequest -> CancellationToken -> Task<Result<AssistantAnswer, AssistantFailure>>
}

// ---------------------------------------------------------------------------------------------------------------
// Tickets

/// Why a call about tickets did not succeed.
type TicketFailure =
    /// The service is down, slow, or busy; the same call is worth trying again (after this time, if one is
    /// known).
    | TryAgain of after: TimeSpan option * reason: string
    /// The service understood and will not do it; `reason` is for operators.
    | WillNotDo of reason: string
    /// The call was not made, since the service is left alone for a while. It is worth a try after this time
    /// and does not count as one.
    | LeftAlone of after: TimeSpan * reason: string

/// Odoo. Creating and noting are idempotent by key: repeated, they find what is there.
[<NoComparison; NoEquality>]
type TicketsPort = {
    /// Creates the ticket whose external id is the key, or finds it.
    Create:
        CommandKey
            -> Ticket
            -> Customer
            -> Language
            -> CancellationToken
            -> Task<Result<TicketReference, TicketFailure>>
    /// Writes a note (plain text) to the ticket that `creation` made. The first key is the note's own.
    AddNote: CommandKey -> CommandKey -> string -> CancellationToken -> Task<Result<unit, TicketFailure>>
    /// Attaches a kept file to the ticket that `creation` made. The first key is the attachment's own. The bytes are
    /// opened when they are sent, and again for each try; None where they were deleted.
    Attach:
        CommandKey
            -> CommandKey
            -> StoredFile
            -> (CancellationToken -> Task<System.IO.Stream option>)
            -> CancellationToken
            -> Task<Result<unit, TicketFailure>>
    /// The customer's tickets, newest first, at most ten. The channel is the one at which the customer's key names this
    /// customer: at another it may be somebody else's.
    Find: string -> Customer -> CancellationToken -> Task<Result<TicketSummary list, TicketFailure>>
}
