namespace FunctionalBot.Domain

/// What one event comes to, while it is being worked out: the session so far and the actions asked for,
/// last first.
type internal Decision = {
    Session: Session
    Actions: Action list
    /// The event's time.
    At: System.DateTimeOffset
    /// The last message of the turn that is taken, where one is.
    Answering: MessageId option
}

/// The steps that every flow is made of.
module internal Decision =
    let start (session: Session) (at: System.DateTimeOffset) : Decision = {
        Session = session
        Actions = []
        At = at
        Answering = None
    }

    /// The commands, each with its key: session, version of the event, place.
    let finish (decision: Decision) : Session * Command list =
        let commands =
            decision.Actions
            |> List.rev
            |> List.mapi (fun ordinal action -> {
                Key = {
                    Session = decision.Session.Id
                    Version = decision.Session.Version
                    Ordinal = ordinal
                }
                Action = action
            })

        decision.Session, commands

    /// The key that the next action will have.
    let nextKey (decision: Decision) : CommandKey = {
        Session = decision.Session.Id
        Version = decision.Session.Version
        Ordinal = List.length decision.Actions
    }

    let perform (action: Action) (decision: Decision) = {
        decision with
            Actions = action :: decision.Actions
    }

    let inline change ([<InlineIfLambda>] how: Session -> Session) (decision: Decision) = {
        decision with
            Session = how decision.Session
    }

    let enter (phase: Phase) (decision: Decision) =
        change (fun session -> { session with Phase = phase }) decision

    /// Whether who is speaking is said ahead of a phrase, the first time that something is said.
    type private Introduction =
        | SaidAhead
        | SaidByPhrase
        /// A last word, or one about silence, needs none.
        | LeftOut

    let private introductionOf phrase =
        match phrase with
        | Welcome _
        | WelcomeFromAd _
        | Answer(_, true)
        | MessageMayBeLost -> SaidByPhrase
        | Goodbye
        | IdleGoodbye _
        | OptedOut
        | OptedOutUnsent
        | OptedIn
        | SlowDown
        | MaybeABot -> LeftOut
        | _ -> SaidAhead

    /// Says something in the customer's language; `complete` adds what is not usual. Whoever is spoken to for the first
    /// time hears who is speaking and how to reach a person (WhatsApp's policy asks for it).
    let sayWith
        (complete: Utterance -> Utterance)
        (phrase: Phrase)
        (choices: Choice list)
        (decision: Decision)
        =
        let key = nextKey decision
        let introduction = introductionOf phrase

        decision
        |> perform (
            Say(
                complete {
                    Phrase = phrase
                    Choices = choices
                    Language = decision.Session.Language
                    ReplyTo = None
                    Invitation = None
                    File = None
                    Introduce =
                        if introduction = SaidAhead && not decision.Session.Introduced then
                            Some true
                        else
                            None
                }
            )
        )
        |> change (fun session -> {
            session with
                Introduced = session.Introduced || introduction <> LeftOut
                Delivery = {
                    session.Delivery with
                        LastSaid = Some key
                }
        })

    /// Says something, quoting a message where one is named.
    let sayTo (quoted: MessageId option) phrase choices (decision: Decision) =
        decision
        |> sayWith (fun utterance -> { utterance with ReplyTo = quoted }) phrase choices

    /// Says something, and asks for something by WhatsApp's own means.
    let invite (invitation: Invitation) phrase (decision: Decision) =
        decision
        |> sayWith
            (fun utterance -> {
                utterance with
                    Invitation = Some invitation
            })
            phrase
            []

    /// Says something in the customer's language.
    let say (phrase: Phrase) (choices: Choice list) (decision: Decision) = sayTo None phrase choices decision

    /// Says something after which a bare "yes" means the offer.
    let offer (offer: Offer) phrase choices decision =
        decision |> enter (Conversing(None, offer)) |> say phrase choices

    let setIdleTimer (due: System.DateTimeOffset) (decision: Decision) =
        let key = nextKey decision

        decision
        |> perform (SetTimer(IdleTimer, due))
        |> change (fun session -> { session with Idle = Some(key, due) })

    /// Gives a customer who did something the full idle time again. The timer itself is left as it is set:
    /// when it elapses too early it is set anew, which spares a write for each message.
    let touch (decision: Decision) =
        let touched =
            decision
            |> change (fun session -> {
                session with
                    LastActivity = max session.LastActivity decision.At
            })

        match touched.Session.Idle with
        | Some _ -> touched
        | None -> touched |> setIdleTimer (decision.At + touched.Session.Policy.Idle)

    /// Ends the session: what waits is dropped, and a ticket on its way stays owed.
    let close (reason: ClosedReason) (decision: Decision) =
        let cancelTimer timer isSet decision =
            if isSet then
                decision |> perform (CancelTimer timer)
            else
                decision

        let session = decision.Session

        decision
        |> cancelTimer QuietTimer session.Gathering.IsSome
        |> cancelTimer IdleTimer session.Idle.IsSome
        |> change (fun session -> {
            session with
                Owed = Session.owedTicket session
                Gathering = None
                Idle = None
                LookUp = None
                Phase = Closed reason
        })

    /// Asks for the ticket's creation and remembers it as owed by the step or the session.
    let createTicket (ticket: Ticket) (decision: Decision) : OwedTicket * Decision =
        let owed: OwedTicket = {
            Key = nextKey decision
            Ticket = ticket
            ToldDelay = false
        }

        owed, decision |> perform (CreateTicket(ticket, decision.Session.Customer))
