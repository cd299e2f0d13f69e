/// Runs commands: one match from an action to a port's call to what it means. It decides nothing that the
/// customer notices; that is `Transition`'s. It is compiled ahead of every adapter and cannot name one.
module FunctionalBot.Effects.Interpreter

open System
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// When failed commands are tried again.
type RetrySettings = {
    /// The first wait; each further one is twice as long.
    First: TimeSpan
    /// The longest wait.
    Longest: TimeSpan
    /// How long a send without an answer waits for a status webhook before it is sent again.
    UnknownWait: TimeSpan
    /// How often the assistant is asked before its stand-in is.
    AssistantTries: int
    /// How often a message that WhatsApp refuses for now is tried. What we hold back ourselves does not count.
    MessageTries: int
    /// How often a message goes out whose outcome stays unknown: the customer may see it as often.
    UnknownTries: int
    /// How often a file is tried that cannot be fetched for now.
    FileTries: int
    /// How often a command that fails by a fault of this program is tried.
    FaultTries: int
}

/// What differs from one business number to another.
[<NoComparison; NoEquality>]
type NumberServices = {
    /// Puts an utterance into words and WhatsApp's shapes, with its file where it has one.
    Render: Utterance -> UploadedFile option -> OutboundMessage
    /// The same as plain text, for the thread that the assistant sees.
    RenderText: Utterance -> string
    Assistant: AssistantPort
    StandIn: AssistantPort
    /// Tickets go to the number's own team.
    Tickets: TicketsPort
}

/// What the interpreter works with.
[<NoComparison; NoEquality>]
type Services = {
    World: World
    /// One port for all numbers: each call goes to the number of its channel.
    WhatsApp: WhatsAppPort
    /// By channel. None for a number that is not set up: what is to be done for it waits until it is.
    For: string -> NumberServices option
    Files: FilesPort
    ReadStream: SessionId -> Task<Result<Event list, StreamProblem>>
    /// The conversation up to the event that the command came from, or later; oldest line first.
    ReadThread: CommandKey -> Task<Result<ThreadLine list, StreamProblem>>
    /// What the bot said to the session's customer with a message. None where nobody knows.
    Said: SessionId -> MessageId -> Task<Utterance option>
    /// A stable name of a customer that does not tell the number.
    SafetyIdentifier: CustomerId -> string
    Retry: RetrySettings
}

/// Sensible waits for production.
let defaultRetry: RetrySettings = {
    First = TimeSpan.FromSeconds 1.
    Longest = TimeSpan.FromMinutes 5.
    UnknownWait = TimeSpan.FromSeconds 60.
    AssistantTries = 2
    MessageTries = 12
    UnknownTries = 3
    FileTries = 12
    FaultTries = 5
}

/// Of these commands those that may be done though the customer is blocked: nothing is sent to one who is.
let notToCustomer (commands: Command list) : Command list =
    commands
    |> List.filter (fun command -> Service.ofAction command.Action <> Some Messaging)

/// Exponential with jitter: between half of and the whole of first × 2^(attempt − 1), at most the longest.
let private backOff (services: Services) attempt =
    let factor = Math.Pow(2., float (min attempt 30 - 1))
    let whole = min (services.Retry.First * factor) services.Retry.Longest
    whole * (0.5 + services.World.Random() / 2.)

/// The number of this try, from 1, without those that were put off by ourselves.
let private tryOf (claimed: ClaimedCommand) = claimed.Attempt - claimed.PutOffs

/// A time that the service named is kept to, up to an hour, and spread by a tenth: what failed together shall not come
/// back together.
let private later services (claimed: ClaimedCommand) (after: TimeSpan option) =
    let wait = backOff services (tryOf claimed)

    let wait =
        match after with
        | Some named -> max wait ((min named (TimeSpan.FromHours 1.)) * (1. + services.World.Random() / 10.))
        | None -> wait

    services.World.Now() + wait

/// Meta's own advice for a customer who got too many messages: 4^X seconds, X from 0; here with jitter.
let private whenRecipientIsReady services (claimed: ClaimedCommand) =
    let seconds = Math.Pow(4., float (min (tryOf claimed) 10 - 1))
    let whole = min (TimeSpan.FromSeconds seconds) services.Retry.Longest
    services.World.Now() + whole * (1. + services.World.Random() / 2.)

/// What the outcome of a message, or of the upload ahead of it, means.
let private afterSend services claimed outcome =
    match outcome with
    | Accepted _ -> Done None
    | HeldBack(after, reason) -> PutOff(services.World.Now() + after, reason)
    | RetryLater(after, reason) when tryOf claimed < services.Retry.MessageTries ->
        RunAgain(later services claimed after, reason, None)
    | RecipientBusy reason when tryOf claimed < services.Retry.MessageTries ->
        RunAgain(whenRecipientIsReady services claimed, reason, None)
    | RetryLater(_, reason)
    | RecipientBusy reason ->
        GivenUp(reason, Some(DeliveryFailed(claimed.Command.Key, 0, "put off too often")))
    | OutcomeUnknown reason when tryOf claimed >= services.Retry.UnknownTries ->
        GivenUp(reason, Some(DeliveryFailed(claimed.Command.Key, 0, "its outcome stayed unknown")))
    | OutcomeUnknown reason -> Parked(services.World.Now() + services.Retry.UnknownWait, reason)
    | Refused(code, reason) when CustomerWindow.isRefusal code -> AwaitCustomer reason
    | Refused(code, reason) -> GivenUp(reason, Some(DeliveryFailed(claimed.Command.Key, code, reason)))
    // The queue is kept: when somebody has renewed the token, everything goes out by itself.
    | ChannelStopped(code, reason) ->
        PutOff(later services claimed None, sprintf "channel stopped (%i): %s" code reason)

/// Uploads its file, and says it. An upload that took long may have outlived the command's lease, so that another
/// node has it now (`InTime`): then the message goes with its next claim, for which the file is there already.
let private say services (number: NumberServices) claimed utterance cancel = task {
    let key = claimed.Command.Key
    let begun = services.World.Now()

    match! Uploads.ofUtterance services.WhatsApp services.Files key.Session.Channel utterance cancel with
    | Error outcome -> return afterSend services claimed outcome
    | Ok(Some _) when services.World.Now() - begun > services.Retry.UnknownWait / 12. ->
        return PutOff(services.World.Now(), "its file was uploaded, which took a while")
    | Ok uploaded ->
        let message = number.Render utterance uploaded

        let! outcome =
            services.WhatsApp.Send (Outgoing.ofCommand key claimed.Recipient utterance.ReplyTo message) cancel

        return afterSend services claimed outcome
}

/// A reaction that is put twice is one reaction, so it is tried again where nobody knows. It is worth a few tries, and
/// nobody is told of one that is lost. Its statuses bring back another text than the key's: they settle nothing.
let private react services claimed message emoji cancel = task {
    let key = claimed.Command.Key

    let outgoing = {
        Outgoing.ofCommand key claimed.Recipient None (ReactionMessage(message, emoji)) with
            Callback = CommandKey.text key + "/reaction"
    }

    match! services.WhatsApp.Send outgoing cancel with
    | RetryLater(_, reason)
    | RecipientBusy reason
    | OutcomeUnknown reason when tryOf claimed < services.Retry.UnknownTries ->
        return RunAgain(whenRecipientIsReady services claimed, reason, None)
    | RetryLater(_, reason)
    | RecipientBusy reason
    | OutcomeUnknown reason
    | Refused(_, reason) -> return GivenUp(reason, None)
    | outcome -> return afterSend services claimed outcome
}

/// Read marks and typing dots are worth one try only.
let private markRead services (claimed: ClaimedCommand) message cancel = task {
    let! _ =
        services.WhatsApp.MarkRead claimed.Command.Key.Session.Channel message cancel

    return Done None
}

/// Whether the customer has been waiting since an earlier try: then the dots have ended, or soon will. Ahead of
/// the first try the message was marked anyway.
let private isFurtherTry (claimed: ClaimedCommand) (question: AssistantQuestion) =
    claimed.Attempt > 1 || question.Assistant = StandIn

let private ask
    services
    (number: NumberServices)
    (claimed: ClaimedCommand)
    (question: AssistantQuestion)
    cancel
    = task {
    let session = claimed.Command.Key.Session

    let assistant =
        match question.Assistant with
        | Primary -> number.Assistant
        | StandIn -> number.StandIn

    let failed reason =
        Done(Some(AssistantFailed(question.Turn, question.Assistant, reason)))

    match! services.ReadThread claimed.Command.Key with
    | Error problem -> return failed (sprintf "the stream breaks at version %i" problem.Version)
    | Ok lines ->
        let! about = AssistantThread.answered (services.Said session) number.RenderText lines

        let request: AssistantRequest = {
            SafetyIdentifier = services.SafetyIdentifier session.Customer
            Language = question.Language
            Thread = AssistantThread.spoken number.RenderText lines
            About = about
            Hint = question.Hint
        }

        let work () = assistant.Ask request cancel

        let! answer =
            match question.Message with
            | Some message ->
                let mark ended =
                    services.WhatsApp.MarkRead session.Channel message ended

                Typing.during services.World mark (isFurtherTry claimed question) cancel work
            | None -> work ()

        return
            match answer with
            | Ok answer -> Done(Some(AssistantAnswered(question.Turn, answer)))
            | Error(AskAgain(after, reason)) when tryOf claimed < services.Retry.AssistantTries ->
                // The customer is waiting: a service that wants minutes is left to the stand-in instead.
                match after with
                | Some named when named > TimeSpan.FromSeconds 5. -> failed reason
                | _ -> RunAgain(later services claimed after, reason, None)
            | Error(AskAgain(_, reason))
            | Error(CannotAnswer reason) -> failed reason
}

let private createTicket services (desk: TicketsPort) (claimed: ClaimedCommand) ticket customer cancel = task {
    let key = claimed.Command.Key
    let! outcome = desk.Create key ticket customer claimed.Language cancel

    return
        match outcome with
        | Ok reference -> Done(Some(TicketCreated(key, reference)))
        | Error(TryAgain(after, reason)) ->
            // One quick try more before the customer is told that it takes longer.
            let told =
                if tryOf claimed >= 2 && not claimed.DelayTold then
                    Some(TicketDelayed(key, reason))
                else
                    None

            RunAgain(later services claimed after, reason, told)
        // It is known to be away: nothing is gained by a second try before the customer is told.
        | Error(LeftAlone(after, reason)) when claimed.DelayTold ->
            PutOff(services.World.Now() + after, reason)
        | Error(LeftAlone(after, reason)) ->
            RunAgain(services.World.Now() + after, reason, Some(TicketDelayed(key, reason)))
        | Error(WillNotDo reason) -> GivenUp(reason, Some(TicketRefused(key, reason)))
}

/// Whether it is known that the ticket will never exist.
let private wasRefused services (creation: CommandKey) = task {
    match! services.ReadStream creation.Session with
    | Error _ -> return false
    | Ok events ->
        return
            events
            |> List.exists (fun event ->
                match event.Fact with
                | TicketRefused(refused, _) -> refused = creation
                | _ -> false)
}

/// A note waits as long as its ticket can still come to be. On one that was refused it would wait for ever.
let private addToTicket services (desk: TicketsPort) (claimed: ClaimedCommand) creation note cancel = task {
    let! outcome = desk.AddNote claimed.Command.Key creation note cancel

    match outcome with
    | Ok() -> return Done None
    | Error(WillNotDo reason) -> return GivenUp(reason, None)
    | Error(LeftAlone(after, reason)) -> return PutOff(services.World.Now() + after, reason)
    | Error(TryAgain(after, reason)) ->
        match! wasRefused services creation with
        | true -> return GivenUp("the ticket that it belongs to was refused", None)
        | false -> return RunAgain(later services claimed after, reason, None)
}

let private fileServices (services: Services) (number: NumberServices) : FileWork.FileServices = {
    Files = services.Files
    Tickets = number.Tickets
    Now = services.World.Now
    Later = later services
    TryOf = tryOf
    Tries = services.Retry.FileTries
    WasRefused = wasRefused services
}

let private lookUpTickets services (desk: TicketsPort) (claimed: ClaimedCommand) customer cancel = task {
    let key = claimed.Command.Key
    let! outcome = desk.Find key.Session.Channel customer cancel

    return
        match outcome with
        | Ok tickets -> Done(Some(TicketsFound(key, tickets)))
        | Error(TryAgain(after, reason)) when tryOf claimed < 2 ->
            RunAgain(later services claimed after, reason, None)
        | Error(TryAgain(_, reason))
        | Error(LeftAlone(_, reason))
        | Error(WillNotDo reason) -> Done(Some(TicketLookUpFailed(key, reason)))
}

/// Does something for a number that is set up. What is to be done for another one stays, as the queue of a stopped
/// channel does, and is looked at again every few minutes: it goes on once the number is there again.
let private forNumber
    (services: Services)
    (claimed: ClaimedCommand)
    (work: NumberServices -> Task<CommandResult>)
    : Task<CommandResult> =
    match services.For claimed.Command.Key.Session.Channel with
    | Some number -> work number
    | None ->
        let wait = services.Retry.Longest * (1. + services.World.Random() / 10.)

        Task.FromResult(
            PutOff(
                services.World.Now() + wait,
                "the business number is not set up: add it to the file of BOT_NUMBERS and start the bot again"
            )
        )

let private perform services claimed cancel : Task<CommandResult> =
    let doing work = forNumber services claimed work

    match claimed.Command.Action with
    | Say utterance -> doing (fun number -> say services number claimed utterance cancel)
    | MarkRead message -> markRead services claimed message cancel
    | AskAssistant question -> doing (fun number -> ask services number claimed question cancel)
    | CreateTicket(ticket, customer) ->
        doing (fun number -> createTicket services number.Tickets claimed ticket customer cancel)
    | AddToTicket(creation, note) ->
        doing (fun number -> addToTicket services number.Tickets claimed creation note cancel)
    | LookUpTickets customer ->
        doing (fun number -> lookUpTickets services number.Tickets claimed customer cancel)
    | FetchFile request ->
        doing (fun number -> FileWork.fetch (fileServices services number) claimed request cancel)
    | AttachToTicket(creation, file) ->
        doing (fun number -> FileWork.attach (fileServices services number) claimed creation file cancel)
    | React(message, emoji) -> react services claimed message emoji cancel
    | SetTimer _
    | CancelTimer _ -> Task.FromResult(Done None)

/// The outcome that the session waits for when a command is given up because of a fault of this program, or by hand.
let outcomeOfFault (command: Command) reason =
    match command.Action with
    | AskAssistant question -> Some(AssistantFailed(question.Turn, question.Assistant, reason))
    | CreateTicket _ -> Some(TicketRefused(command.Key, reason))
    | LookUpTickets _ -> Some(TicketLookUpFailed(command.Key, reason))
    | Say _ -> Some(DeliveryFailed(command.Key, 0, reason))
    | FetchFile _ -> Some(FileNotKept(command.Key, FileUnreachable reason))
    | AttachToTicket _ -> Some(FileNotAttached(command.Key, reason))
    | MarkRead _
    | AddToTicket _
    | React _
    | SetTimer _
    | CancelTimer _ -> None

/// Runs one command and says what came of it. A port that throws is a fault of this program: the command is
/// tried a few times more and then given up, and the session hears of it, so that no customer waits for
/// ever. What was begun and cut off by the host's stop is left to its lease.
let run (services: Services) (claimed: ClaimedCommand) (cancel: CancellationToken) : Task<CommandResult> =
    task {
        try
            return! perform services claimed cancel
        with
        | :? OperationCanceledException when cancel.IsCancellationRequested ->
            return raise (OperationCanceledException cancel)
        | StoreUnavailable _ as unavailable -> return raise unavailable
        | fault ->
            let reason = "fault: " + fault.GetType().Name

            if tryOf claimed >= services.Retry.FaultTries then
                return GivenUp(reason, outcomeOfFault claimed.Command reason)
            else
                match claimed.Command.Action with
                | Say _ -> return Parked(services.World.Now() + services.Retry.UnknownWait, reason)
                | _ -> return RunAgain(later services claimed None, reason, None)
    }
