/// Decides what waits for one customer: opens sessions, makes events of entries, and asks the core what
/// follows. Pure, so that the store can call it within its transaction and again after a conflict.
module FunctionalBot.Effects.Reception

open System
open FunctionalBot.Domain

/// What holds for the sessions of one business number.
[<NoComparison; NoEquality>]
type NumberRules = {
    Policy: Policy
    /// The language of a customer of whom nothing is known yet.
    Language: Language
    /// Whether the team is there at a time (UTC).
    Opening: DateTimeOffset -> Opening
    /// Whether tickets can be filled in as a form.
    HasForm: bool
    /// How many messages of one customer are taken in a minute. None for as many as come.
    MessagesAMinute: int option
}

/// What the business has set for its sessions.
[<NoComparison; NoEquality>]
type ReceptionSettings = {
    /// By channel. None for a number that is not set up.
    Number: string -> NumberRules option
}

/// A business that is always there, has no form, and takes as many messages as one person can write, at whatever
/// number.
let always (policy: Policy) (language: Language) : ReceptionSettings =
    let rules = {
        Policy = policy
        Language = language
        Opening = fun _ -> OpenNow
        HasForm = false
        MessagesAMinute = Circumstances.usual.MessagesAMinute
    }

    { Number = fun _ -> Some rules }

/// The decision while it is being made.
type private Desk = {
    Sessions: Map<SessionId, Session>
    Changed: Set<SessionId>
    Current: SessionId option
    /// What the customer wants, as far as it was decided by now.
    OptedOut: bool
    /// Newest first.
    Events: Event list
    Commands: Command list
    Endings: (int64 * Ending) list
}

/// The names under which ignored entries end, as operators read them.
let reasonText reason =
    match reason with
    | OutOfSequence -> "out of sequence"
    | AlreadySeen -> "already seen"
    | SessionIsClosed -> "session is closed"
    | LateAnswer -> "late answer"
    | StaleTimer -> "stale timer"
    | NotAwaited -> "not awaited"
    | NothingToAnswer -> "nothing to answer"
    | AlreadyOpen -> "already open"
    | NothingNew -> "nothing new"
    | TooManyMessages -> "too many messages"
    | LooksLikeABot -> "looks like another bot"

let private ended (entry: InboxEntry) ending (desk: Desk) : Desk = {
    desk with
        Endings = (entry.Id, ending) :: desk.Endings
}

/// Applies one fact to a session as its next event.
let private apply (now: DateTimeOffset) newId cause fact (session: Session) (desk: Desk) =
    let event = {
        Id = newId ()
        At = now
        Session = session.Id
        Version = session.Version + 1L
        Cause = cause
        Fact = fact
    }

    let after, commands = Transition.transition session event

    after,
    {
        desk with
            OptedOut =
                if after.Circumstances.OptedOut = session.Circumstances.OptedOut then
                    desk.OptedOut
                else
                    after.Circumstances.OptedOut
            Sessions = Map.add session.Id after desk.Sessions
            Changed = Set.add session.Id desk.Changed
            Events = event :: desk.Events
            Commands = List.rev commands @ desk.Commands
    }

/// What the events of an entry name as their cause.
let causeOf (entry: InboxEntry) = entry.Source + ":" + entry.SourceId

/// What holds around a session now. What the customer wants is the contact's, until a session hears otherwise: so an
/// operator's change by hand is kept to by the next decision.
let private circumstances (rules: NumberRules) now (optedOut: bool) : Circumstances = {
    Opening = rules.Opening now
    OptedOut = optedOut
    HasForm = rules.HasForm
    MessagesAMinute = rules.MessagesAMinute
}

/// Tells the session what holds around it, where that is not what it knows.
let private tellCircumstances (rules: NumberRules) now newId cause (session: Session) (desk: Desk) =
    let current = circumstances rules now desk.OptedOut

    if current = session.Circumstances then
        session, desk
    else
        desk |> apply now newId cause (CircumstancesChanged current) session

/// Tells the session who the customer is, where that is not what it knows: a message told a phone or a name for the
/// first time, or showed that two contacts are one.
let private tellCustomer (work: CustomerWork) now newId (entry: InboxEntry) (session: Session) (desk: Desk) =
    match entry.Fact with
    | CustomerMoved _ -> session, desk
    | _ when session.Customer = work.Customer -> session, desk
    | _ ->
        // An id of its own: the message's would make the message itself one that was seen before.
        let moved = CustomerMoved(MessageId(entry.SourceId + "#customer"), work.Customer)
        desk |> apply now newId (causeOf entry) moved session

/// What the session hears. A notice of a move was written down when it came in; how the customer is reached now, and
/// under which key since a merge, the contact knows.
let private heardOf (work: CustomerWork) (entry: InboxEntry) : Fact =
    match entry.Fact with
    | CustomerMoved(message, _) -> CustomerMoved(message, work.Customer)
    | fact -> fact

/// Whether a session is opened for what the customer did. One who only changed the number said nothing.
let private opensSession fact =
    match fact with
    | CustomerMoved _ -> false
    | _ -> true

/// What the customer did goes to the open session. Where there is none, a new one is opened for it, unless
/// it is something that needs no answer.
let private takeFromCustomer
    (rules: NumberRules)
    now
    newId
    (work: CustomerWork)
    (entry: InboxEntry)
    (desk: Desk)
    =
    let current = desk.Current |> Option.bind (fun id -> Map.tryFind id desk.Sessions)

    let wasSeen =
        match current, Transition.messageOf entry.Fact with
        | Some session, Some message -> List.contains message session.Recent
        | _ -> false

    match current with
    | _ when wasSeen -> desk |> ended entry Duplicate
    | Some session when not (Session.isClosed session) ->
        match Transition.ignored session now entry.Fact with
        | Some reason -> desk |> ended entry (Ignored(reasonText reason))
        | None ->
            let cause = causeOf entry
            let session, desk = desk |> tellCircumstances rules now newId cause session
            let session, desk = desk |> tellCustomer work now newId entry session

            let after, desk = desk |> apply now newId cause (heardOf work entry) session

            desk |> ended entry (Applied after.Version)
    | _ when not (opensSession entry.Fact) -> desk |> ended entry (Ignored(reasonText SessionIsClosed))
    | _ ->
        let id =
            match current with
            | Some closed -> SessionId.next closed.Id
            | None -> {
                Channel = work.Channel
                Customer = work.Customer.Id
                Ordinal = 1
              }

        let fresh = Session.initial id

        match Transition.ignored fresh now entry.Fact with
        | Some reason -> desk |> ended entry (Ignored(reasonText reason))
        | None ->
            let language = work.Language |> Option.defaultValue rules.Language
            let opening = SessionOpened(work.Customer, language, rules.Policy)
            let cause = causeOf entry
            let opened, desk = desk |> apply now newId cause opening fresh

            let opened, desk = desk |> tellCircumstances rules now newId cause opened

            let after, desk = desk |> apply now newId cause entry.Fact opened

            { desk with Current = Some id } |> ended entry (Applied after.Version)

/// What the customer of a number did that is not set up here, so that nobody could answer. It can be put back.
let private strangersReason (channel: string) =
    $"the business number of %s{channel} is not set up: add its id to the file of BOT_NUMBERS (or set "
    + "WHATSAPP_PHONE_NUMBER_ID), start the bot again, and then run: bot inbound retry"

/// An outcome, a status or a timer goes to the session that it names, an older one too.
let private takeForSession now newId (entry: InboxEntry) id (desk: Desk) =
    match Map.tryFind id desk.Sessions with
    | None -> desk |> ended entry (Dead("no such session: " + SessionId.text id))
    | Some session ->
        match Transition.ignored session now entry.Fact with
        | Some reason -> desk |> ended entry (Ignored(reasonText reason))
        | None ->
            let after, desk = desk |> apply now newId (causeOf entry) entry.Fact session
            desk |> ended entry (Applied after.Version)

/// Whether the customer said in this session what the contact does not know: that nothing, or again everything, is to
/// be heard. `before` is the session before the decision, if it was there; `optedOut` what the contact says.
let saysConsent (before: Session option) (after: Session) (optedOut: bool) : bool =
    let said =
        match before with
        | Some before -> before.Circumstances.OptedOut <> after.Circumstances.OptedOut
        | None -> true

    said && after.Circumstances.OptedOut <> optedOut

/// What a blocked customer does is not answered, and changes nothing. What belongs to a session goes on, so that none
/// waits for ever; whatever it says is ended unsent.
let private takeFromBlocked (entry: InboxEntry) (desk: Desk) = desk |> ended entry (Ignored "blocked")

/// Decides all entries of one customer in their order.
let decide
    (settings: ReceptionSettings)
    (now: DateTimeOffset)
    (newId: unit -> Guid)
    (work: CustomerWork)
    : CustomerDecision =
    let sessions =
        match work.Current with
        | Some current -> Map.add current.Id current work.Others
        | None -> work.Others

    let start: Desk = {
        Sessions = sessions
        Changed = Set.empty
        Current = work.Current |> Option.map (fun session -> session.Id)
        OptedOut = work.OptedOut
        Events = []
        Commands = []
        Endings = []
    }

    let rules = settings.Number work.Channel

    let desk =
        (start, work.Entries)
        ||> List.fold (fun desk entry ->
            match entry.Session, rules with
            | Some id, _ -> desk |> takeForSession now newId entry id
            | None, _ when work.Blocked -> desk |> takeFromBlocked entry
            | None, Some rules -> desk |> takeFromCustomer rules now newId work entry
            | None, None -> desk |> ended entry (Dead(strangersReason work.Channel)))

    {
        Events = List.rev desk.Events
        Sessions = desk.Changed |> Set.toList |> List.map (fun id -> desk.Sessions[id])
        Commands = List.rev desk.Commands
        Endings = List.rev desk.Endings
    }
