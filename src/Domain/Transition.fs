namespace FunctionalBot.Domain


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
        | MessageRevoked(message, _) -> Some message
        | SessionOpened _
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

    /// Why this fact would change nothing in this session; None where it has something to say. The engine
    /// asks before it appends an event, and `transition` asks again, so that a stream holds only what
    /// counts.
    let ignored (session: Session) (fact: Fact) : IgnoredReason option =
        let seen =
            match messageOf fact with
            | Some message -> List.contains message session.Recent
            | None -> false

        match fact with
        | _ when seen -> Some AlreadySeen
        | SessionOpened _ -> whenNot (session.Version = 0L) AlreadyOpen
        | TicketCreated(key, _)
        | TicketRefused(key, _) -> whenNot (isOwed session key) NotAwaited
        | _ when Session.isClosed session -> Some SessionIsClosed
        | TextReceived _
        | ChoicePicked _
        | MediaReceived _ -> None
        | ReactionReceived _ -> Some NothingToAnswer
        | MessageEdited _ -> None
        | MessageRevoked(_, original) -> whenNot (Turns.isGathered original session) NothingToAnswer
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

    let private decide (fact: Fact) (decision: Decision) =
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
            |> Turns.listen text.Text
            |> Turns.gather text.Message text.Text
        | ChoicePicked choice -> decision |> touch |> Turns.takeChoice choice
        | MediaReceived media -> decision |> touch |> Turns.takeMedia media
        | MessageEdited(message, original, text) -> decision |> touch |> Turns.takeEdit message original text
        | MessageRevoked(_, original) -> decision |> touch |> Turns.takeRevocation original
        | ReactionReceived _ -> decision |> touch
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

    /// What follows from an event: the session after it, and what is to be done. Total and deterministic.
    /// An event that is not the next one of the session changes nothing; one that says nothing new only
    /// moves the version.
    let transition (session: Session) (event: Event) : Session * Command list =
        if event.Version <> session.Version + 1L || event.Session <> session.Id then
            session, []
        else
            let next = { session with Version = event.Version }

            match ignored session event.Fact with
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
