namespace FunctionalBot.Domain

open System

/// What the assistant is asked about: the turn, by number. Its words are in the session's stream, which
/// `Thread.ofEvents` folds into what the assistant sees.
type AssistantQuestion = {
    /// The version of the event that began the turn. An answer that names another turn is late.
    Turn: int64
    Assistant: Assistant
    /// What the rules made of the words already, where the assistant is asked for the details only.
    Hint: Intent option
    Language: Language
    /// The last message of the turn: it is quoted where others came behind it, and the typing dots are shown
    /// on it. None in what an older version asked.
    Message: MessageId option
}

/// What the bot wants done. Data only: the interpreter does it, and outcomes come back as facts.
type Action =
    /// Says something to the customer. Its plain success is no event.
    | Say of Utterance
    /// Marks the message and all before it as read and shows the typing dots (for 25 s or until something
    /// is said).
    | MarkRead of MessageId
    /// Ends in AssistantAnswered or AssistantFailed.
    | AskAssistant of AssistantQuestion
    /// Ends in TicketCreated or TicketRefused, maybe after TicketDelayed. The command's key is the external
    /// id, so that the ticket exists once however often this runs.
    | CreateTicket of Ticket * Customer
    /// Writes a note to the ticket that the named command created or will create.
    | AddToTicket of creation: CommandKey * note: string
    /// Ends in FileKept or FileNotKept.
    | FetchFile of FileRequest
    /// Puts a file to the ticket that the named command created or will create. Ends in nothing, or in FileNotAttached.
    | AttachToTicket of creation: CommandKey * StoredFile
    /// Puts an emoji on a message of the customer. It is no speech: no order, no event.
    | React of MessageId * emoji: string
    /// Ends in TicketsFound or TicketLookUpFailed.
    | LookUpTickets of Customer
    /// Ends in TimerElapsed at `due` (UTC), never before. Moves the timer where it was set.
    | SetTimer of Timer * due: DateTimeOffset
    | CancelTimer of Timer

/// An action with the key that makes it effective once.
type Command = { Key: CommandKey; Action: Action }
