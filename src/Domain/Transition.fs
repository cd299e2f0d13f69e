namespace FunctionalBot.Domain

open System

/// Why an event changes nothing. Late, doubled and disordered events are normal; each has one of these names.
type IgnoredReason =
    /// Its version is not the one that comes next: it was folded in before, or others are missing ahead of
    /// it.
    | OutOfSequence
    /// The same message was taken in before.
    | AlreadySeen
    /// The session has ended. What a customer writes goes to a new session instead.
    | SessionIsClosed
    /// The answer is to a turn that is no longer open.
    | LateAnswer
    /// The timer was set anew or cancelled after this was on its way.
    | StaleTimer
    /// Nothing of the kind is being waited for.
    | NotAwaited
    /// There is nothing to answer: a reaction, a message that was taken back.
    | NothingToAnswer
    /// The session is open already.
    | AlreadyOpen
    /// It was so before.
    | NothingNew
    /// More messages came in a minute than are taken; the customer was told.
    | TooManyMessages
    /// The same text came again and again; the customer was told.
    | LooksLikeABot

/// The heart: what follows from an event.
module Transition =
    open Decision

    /// The message by which a customer's fact is known. None for what did not come from the customer.
    let messageOf fact =
        match fact with
        | TextReceived text -> Some text.Message
        | ChoicePicked choice -> Some choice.Message
        | MediaReceived media -> Some media.Message
        | ReactionReceived(message, _, _)
        | MessageEdited(message, _, _)
        | MessageRevoked(message, _)
        | ChatOpened message
        | CustomerMoved(message, _) -> Some message
        | FormAnswered form -> Some form.Message
        | SessionOpened _
        | CircumstancesChanged _
        | ReferredByAd _
        | FileKept _
        | FileNotKept _
        | FileNotAttached _
        | DeliveryFailed _
        | AssistantAnswered _
        | AssistantFailed _
        | TicketCreated _
        | TicketDelayed _
        | TicketRefused _
        | TicketsFound _
        | TicketLookUpFailed _
        | TimerElapsed _ -> None

    let private whenNot awaited reason = if awaited then None else Some reason

    let private isOwed session key =
        match Session.owedTicket session with
        | Some owed -> owed.Key = key
        | None -> false

    /// Why a message is not taken because of those before it. The first one that is too much has something to say.
    let private braked (session: Session) at fact =
        match Brakes.judge session at fact with
        | Some Brakes.TooFast when session.Pulse.Told -> Some TooManyMessages
        | Some Brakes.SameAgain when session.Pulse.Told -> Some LooksLikeABot
        | Some _
        | None -> None

    /// Why this fact would change nothing in this session; None where it has something to say. The engine
    /// asks before it appends an event, and `transition` asks again, so that a stream holds only what
    /// counts. `at` is the time at which it is taken in, UTC.
    let ignored (session: Session) (at: DateTimeOffset) (fact: Fact) : IgnoredReason option =
        let seen =
            match messageOf fact with
            | Some message -> List.contains message session.Recent
            | None -> false

        match fact with
        | _ when seen -> Some AlreadySeen
        | SessionOpened _ -> whenNot (session.Version = 0L) AlreadyOpen
        | TicketCreated(key, _)
        | TicketRefused(key, _) -> whenNot (isOwed session key) NotAwaited
        | FileKept(key, _)
        | FileNotKept(key, _) -> whenNot (Attachments.isAwaited key session) NotAwaited
        | FileNotAttached(key, _) ->
            whenNot (key.Session = session.Id && key.Version < session.Version) NotAwaited
        | _ when Session.isClosed session -> Some SessionIsClosed
        | CircumstancesChanged circumstances -> whenNot (circumstances <> session.Circumstances) NothingNew
        | ReferredByAd _
        | CustomerMoved _ -> None
        | ChatOpened _ when not (Conversation.canBegin session) -> Some NothingToAnswer
        | ReactionReceived(_, _, emoji) when not (TicketDialogue.isWaitingForYes emoji session) ->
            Some NothingToAnswer
        | TextReceived _
        | ChoicePicked _
        | MediaReceived _
        | FormAnswered _
        | MessageEdited _
        | ReactionReceived _
        | ChatOpened _ -> braked session at fact
        | MessageRevoked(_, original) -> whenNot (Messages.canTakeBack original session) NothingToAnswer
        | DeliveryFailed _ -> None
        | AssistantAnswered(turn, _) ->
            match Session.openTurn session with
            | Some openTurn when openTurn.Question.Turn = turn -> None
            | _ -> Some LateAnswer
        | AssistantFailed(turn, assistant, _) ->
            match Session.openTurn session with
            | Some openTurn when openTurn.Question.Turn = turn && openTurn.Question.Assistant = assistant ->
                None
            | _ -> Some LateAnswer
        | TicketDelayed(key, _) ->
            match Session.owedTicket session with
            | Some owed when owed.Key = key && not owed.ToldDelay -> None
            | _ -> Some NotAwaited
        | TicketsFound(key, _)
        | TicketLookUpFailed(key, _) -> whenNot (session.LookUp = Some key) NotAwaited
        | TimerElapsed(QuietTimer, due) ->
            match session.Gathering with
            | Some gathering when gathering.Due = due -> None
            | _ -> Some StaleTimer
        | TimerElapsed(IdleTimer, due) ->
            match session.Idle with
            | Some(_, set) when set = due -> None
            | _ -> Some StaleTimer

    let private remember fact decision =
        match messageOf fact with
        | None -> decision
        | Some message ->
            let recent = decision.Session.Recent

            // Most conversations end before there is anything to forget, and need no copy of the list.
            let kept =
                if List.length recent < Session.remembered then
                    recent
                else
                    List.truncate (Session.remembered - 1) recent

            decision
            |> change (fun session -> {
                session with
                    Recent = message :: kept
            })

    let private take (fact: Fact) (decision: Decision) =
        match fact with
        | SessionOpened(customer, language, policy) ->
            decision
            |> change (fun session -> {
                session with
                    Customer = customer
                    Language = language
                    Policy = policy
            })
            |> touch
        | TextReceived text ->
            decision
            |> touch
            |> Messages.listen text.Text
            |> Messages.takeText text.Message text.Text
        | ChoicePicked choice -> decision |> touch |> Messages.takeChoice choice
        | MediaReceived media -> decision |> touch |> Messages.takeMedia media
        | MessageEdited(message, original, text) ->
            decision |> touch |> Messages.takeEdit message original text
        | MessageRevoked(_, original) -> decision |> touch |> Messages.takeRevocation original
        | ReactionReceived _ -> decision |> touch |> TicketDialogue.askForYes
        | CircumstancesChanged circumstances ->
            decision
            |> change (fun session -> {
                session with
                    Circumstances = circumstances
            })
        | ReferredByAd referral ->
            decision
            |> change (fun session -> {
                session with
                    Referral = Some referral
            })
        | ChatOpened message ->
            decision
            |> touch
            |> perform (MarkRead message)
            |> Consent.unasked Conversation.opened
        | FormAnswered form -> decision |> touch |> Messages.takeForm form
        | CustomerMoved(_, customer) ->
            decision |> change (fun session -> { session with Customer = customer })
        | FileKept(key, file) -> decision |> Outcomes.fileKept key file
        | FileNotKept(key, problem) -> decision |> Outcomes.fileNotKept key problem
        | FileNotAttached _ -> decision |> say FileWasNotAttached []
        | DeliveryFailed(_, 131050, _) -> decision |> Consent.refusedByCustomer
        | DeliveryFailed(command, code, _) when FormFilling.isRefused command code decision.Session ->
            decision |> FormFilling.goStepByStep
        | DeliveryFailed(command, code, _) -> decision |> Undelivered.remember command code
        | AssistantAnswered(_, answer) -> decision |> Conversation.answered answer
        | AssistantFailed _ ->
            match Session.openTurn decision.Session with
            | Some turn -> decision |> Conversation.assistantFailed turn
            | None -> decision
        | TicketCreated(_, reference) -> decision |> Outcomes.ticketCreated reference
        | TicketRefused _ -> Outcomes.ticketRefused decision
        | TicketDelayed _ -> Outcomes.ticketDelayed decision
        | TicketsFound(_, tickets) -> decision |> Outcomes.lookedUp (Conversation.ticketsFound tickets)
        | TicketLookUpFailed _ -> decision |> Outcomes.lookedUp (say TicketsCannotBeRead [ TalkToPerson ])
        | TimerElapsed(QuietTimer, _) -> decision |> Turns.takeGathered false
        | TimerElapsed(IdleTimer, _) ->
            decision
            |> change (fun session -> { session with Idle = None })
            |> Conversation.idle

    /// What is said to whom is not heard for a while.
    let private warn trouble decision =
        let decision =
            decision
            |> touch
            |> change (fun session -> {
                session with
                    Pulse = { session.Pulse with Told = true }
            })

        match trouble with
        | Brakes.TooFast -> decision |> say SlowDown []
        | Brakes.SameAgain -> decision |> say MaybeABot [ TalkToPerson ]

    let private decide (fact: Fact) (decision: Decision) =
        match Brakes.judge decision.Session decision.At fact with
        | Some trouble -> decision |> warn trouble
        | None ->
            let pulse = Brakes.feel decision.Session decision.At fact

            decision |> change (fun session -> { session with Pulse = pulse }) |> take fact

    /// What follows from an event: the session after it, and what is to be done. Total and deterministic.
    /// An event that is not the next one of the session changes nothing; one that says nothing new only
    /// moves the version.
    let transition (session: Session) (event: Event) : Session * Command list =
        if event.Version <> session.Version + 1L || event.Session <> session.Id then
            session, []
        else
            let next = { session with Version = event.Version }

            match ignored session event.At event.Fact with
            | Some _ -> next, []
            | None ->
                Decision.start next event.At
                |> remember event.Fact
                |> decide event.Fact
                |> Decision.finish

    /// The state alone, for folding a stream.
    let evolve (session: Session) (event: Event) : Session = fst (transition session event)

    /// The commands whose outcome the session is waiting for. After a restart or a restore each of them
    /// must be open in the outbox, or its timer set; the same keys as when they were first asked for.
    let resume (session: Session) : Command list = [
        match Session.openTurn session with
        | Some turn -> {
            Key = turn.Key
            Action = AskAssistant turn.Question
          }
        | None -> ()

        match Session.owedTicket session with
        | Some owed -> {
            Key = owed.Key
            Action = CreateTicket(owed.Ticket, session.Customer)
          }
        | None -> ()

        for file in session.Files do
            match file.State with
            | Awaited -> {
                Key = file.Fetch
                Action = FetchFile file.Request
              }
            | Kept _
            | NotKept _ -> ()

        match session.LookUp with
        | Some key -> {
            Key = key
            Action = LookUpTickets session.Customer
          }
        | None -> ()

        match session.Gathering with
        | Some gathering -> {
            Key = gathering.Timer
            Action = SetTimer(QuietTimer, gathering.Due)
          }
        | None -> ()

        match session.Idle with
        | Some(key, due) -> {
            Key = key
            Action = SetTimer(IdleTimer, due)
          }
        | None -> ()
    ]
