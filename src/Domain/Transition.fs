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

    let private isGathered session message =
        match session.Gathering with
        | Some gathering -> gathering.Texts |> List.exists (fun (id, _) -> id = message)
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
        | MessageRevoked(_, original) -> whenNot (isGathered session original) NothingToAnswer
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

    /// The language changes with the customer while they simply talk; within a ticket it stays, since a
    /// title may well be in another.
    let private listen (text: string) decision =
        match decision.Session.Phase with
        | Conversing _ ->
            match Rules.languageOf text with
            | Some language when language <> decision.Session.Language ->
                decision |> change (fun session -> { session with Language = language })
            | Some _
            | None -> decision
        | TicketCreation _
        | WithAgent _
        | Closed _ -> decision

    /// A whole turn: what was written in one breath.
    let private takeTurn (text: string) decision =
        match decision.Session.Phase with
        | Conversing(_, offered) -> decision |> Conversation.takeText text offered
        | TicketCreation(draft, step) ->
            decision |> TicketDialogue.takeText Conversation.handOver text draft step
        | WithAgent(creation, told) -> decision |> Conversation.takeTextForAgent text creation told
        | Closed _ -> decision

    /// Ends the gathering: the texts so far are one turn. `andCancel` where the timer has not elapsed by
    /// itself.
    let private takeGathered andCancel decision =
        match decision.Session.Gathering with
        | None -> decision
        | Some gathering ->
            let decision = decision |> change (fun session -> { session with Gathering = None })

            (if andCancel then
                 decision |> perform (CancelTimer QuietTimer)
             else
                 decision)
            |> takeTurn (gathering.Texts |> List.map snd |> String.concat "\n")

    /// Adds a text to those that wait. With no quiet time it is a turn by itself.
    let private gather message (text: string) decision =
        let quiet = decision.Session.Policy.Quiet

        if quiet <= System.TimeSpan.Zero then
            decision |> perform (MarkRead message) |> takeTurn text
        else
            let earlier =
                match decision.Session.Gathering with
                | Some gathering -> gathering.Texts
                | None -> []

            let decision =
                if earlier.IsEmpty then
                    decision |> perform (MarkRead message)
                else
                    decision

            let key = nextKey decision
            let due = decision.At + quiet

            decision
            |> perform (SetTimer(QuietTimer, due))
            |> change (fun session -> {
                session with
                    Gathering =
                        Some {
                            Texts = earlier @ [ message, text ]
                            Timer = key
                            Due = due
                        }
            })

    let private takeMedia (media: CustomerMedia) decision =
        match media.Caption with
        | Some caption when caption.Trim() <> "" -> decision |> gather media.Message caption
        | _ ->
            let decision = decision |> perform (MarkRead media.Message) |> takeGathered true

            match decision.Session.Phase with
            | Conversing _ -> decision |> Conversation.takeMedia media.Kind
            | TicketCreation(draft, step) -> decision |> TicketDialogue.takeMedia media.Kind draft step
            | WithAgent(creation, told) -> decision |> Conversation.takeMediaForAgent media creation told
            | Closed _ -> decision

    /// A button: what was written before it is taken first where it answers a question or is for the team;
    /// while the two simply talk, the button says what is wanted and the words beside it need no answer of
    /// their own.
    let private takeChoice (picked: CustomerChoice) decision =
        let decision = decision |> perform (MarkRead picked.Message)

        let decision =
            match decision.Session.Phase, decision.Session.Gathering with
            | _, None -> decision
            | Conversing _, Some _ ->
                decision
                |> perform (CancelTimer QuietTimer)
                |> change (fun session -> { session with Gathering = None })
            | _ -> decision |> takeGathered true

        match Choice.ofId picked.ChoiceId, decision.Session.Phase with
        | None, _ -> decision |> takeTurn picked.Title
        | Some choice, TicketCreation(draft, step) ->
            match TicketDialogue.takeChoice choice draft step decision with
            | Some decision -> decision
            | None -> decision |> Conversation.takeChoice choice
        | Some choice, (Conversing _ | WithAgent _) -> decision |> Conversation.takeChoice choice
        | Some _, Closed _ -> decision

    /// An edited text replaces the one that still waits; later it is a new thing said.
    let private takeEdit message original (text: string) decision =
        match decision.Session.Gathering with
        | Some gathering when isGathered decision.Session original ->
            let texts =
                gathering.Texts
                |> List.map (fun (id, earlier) -> id, (if id = original then text else earlier))

            decision
            |> change (fun session -> {
                session with
                    Gathering = Some { gathering with Texts = texts }
            })
        | _ -> decision |> gather message text

    let private takeRevocation original decision =
        match decision.Session.Gathering with
        | None -> decision
        | Some gathering ->
            match gathering.Texts |> List.filter (fun (id, _) -> id <> original) with
            | [] ->
                decision
                |> perform (CancelTimer QuietTimer)
                |> change (fun session -> { session with Gathering = None })
            | texts ->
                decision
                |> change (fun session -> {
                    session with
                        Gathering = Some { gathering with Texts = texts }
                })

    let private settle decision =
        decision |> change (fun session -> { session with Owed = None })

    let private ticketCreated reference decision =
        match decision.Session.Phase, decision.Session.Owed with
        | TicketCreation(_, Creating _), _ -> decision |> TicketDialogue.created reference
        | WithAgent _, Some owed when owed.Ticket.Purpose = HandOver ->
            decision |> settle |> say (PersonTicketWasCreated reference) []
        | Conversing(None, _), Some owed when owed.Ticket.Purpose = Support ->
            decision |> settle |> TicketDialogue.created reference
        | _, Some owed when owed.Ticket.Purpose = HandOver ->
            decision |> settle |> say (PersonTicketWasCreated reference) []
        | _ -> decision |> settle |> say (TicketWasCreated reference) []

    /// A ticket that will never be cannot hold the conversation for the team: the customer is back with the
    /// bot, and may ask for a person again, which then opens another.
    let private takeBack (refused: CommandKey) decision =
        match decision.Session.Phase with
        | WithAgent(creation, _) when creation = refused ->
            decision |> offer NothingOffered TicketWasRefused [ TalkToPerson ]
        | _ -> decision |> say TicketWasRefused []

    let private ticketRefused decision =
        match Session.owedTicket decision.Session with
        | None -> decision |> say TicketWasRefused []
        | Some owed ->
            let decision =
                decision
                |> settle
                |> change (fun session -> {
                    session with
                        HandedOver =
                            session.HandedOver |> Option.filter (fun creation -> creation <> owed.Key)
                })

            match decision.Session.Phase with
            | TicketCreation(_, Creating _)
            | Conversing(None, _) when owed.Ticket.Purpose = Support ->
                decision |> TicketDialogue.refused owed.Ticket
            | _ -> decision |> takeBack owed.Key

    let private ticketDelayed decision =
        match decision.Session.Phase, decision.Session.Owed with
        | TicketCreation(_, Creating owed), _ -> decision |> TicketDialogue.delayed owed
        | _, Some owed ->
            decision
            |> change (fun session -> {
                session with
                    Owed = Some { owed with ToldDelay = true }
            })
            |> say TicketIsDelayed []
        | _, None -> decision

    let private lookedUp answer decision =
        let decision = decision |> change (fun session -> { session with LookUp = None })

        match decision.Session.Phase with
        | Closed _ -> decision
        | Conversing _
        | TicketCreation _
        | WithAgent _ -> decision |> answer

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
        | TextReceived text -> decision |> touch |> listen text.Text |> gather text.Message text.Text
        | ChoicePicked choice -> decision |> touch |> takeChoice choice
        | MediaReceived media -> decision |> touch |> takeMedia media
        | MessageEdited(message, original, text) -> decision |> touch |> takeEdit message original text
        | MessageRevoked(_, original) -> decision |> touch |> takeRevocation original
        | ReactionReceived _ -> decision |> touch
        | DeliveryFailed _ -> decision
        | AssistantAnswered(_, answer) -> decision |> Conversation.answered answer
        | AssistantFailed _ ->
            match Session.openTurn decision.Session with
            | Some turn -> decision |> Conversation.assistantFailed turn
            | None -> decision
        | TicketCreated(_, reference) -> decision |> ticketCreated reference
        | TicketRefused _ -> ticketRefused decision
        | TicketDelayed _ -> ticketDelayed decision
        | TicketsFound(_, tickets) -> decision |> lookedUp (Conversation.ticketsFound tickets)
        | TicketLookUpFailed _ -> decision |> lookedUp (say TicketsCannotBeRead [ TalkToPerson ])
        | TimerElapsed(QuietTimer, _) -> decision |> takeGathered false
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
