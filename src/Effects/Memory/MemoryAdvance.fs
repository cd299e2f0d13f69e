namespace FunctionalBot.Effects.Memory

open System
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Deciding what waits, and turning due timers into what waits.
module internal MemoryAdvance =
    let private known (tables: MemoryTables) id =
        match tables.Sessions.TryGetValue id with
        | true, session -> Some session
        | false, _ -> None

    let private workFor (tables: MemoryTables) (contact: MemoryContact) entries : CustomerWork =
        let standing = MemoryContacts.standing tables contact

        let current =
            if contact.CurrentOrdinal = 0 then
                None
            else
                known tables {
                    Channel = contact.Channel
                    Customer = contact.Customer
                    Ordinal = contact.CurrentOrdinal
                }

        let others =
            entries
            |> List.choose (fun entry -> entry.Session |> Option.bind (known tables))
            |> List.filter (fun session -> current |> Option.forall (fun other -> other.Id <> session.Id))

        {
            Channel = contact.Channel
            Customer = {
                Id = contact.Customer
                Phone = standing.Phone
                Name = standing.Name
            }
            Language = contact.Language
            Current = current
            Others = Map.ofList [ for session in others -> session.Id, session ]
            OptedOut = standing.OptedOut
            Blocked = standing.Blocked
            Entries = entries
        }

    /// What a decision must keep to be written: each entry ends once, versions have no hole, and each
    /// session that has new events is saved at the last of them.
    let private isValid (tables: MemoryTables) (work: CustomerWork) (decision: CustomerDecision) =
        let continues (session: SessionId, events: Event list) =
            let before =
                known tables session
                |> Option.map (fun saved -> saved.Version)
                |> Option.defaultValue 0L

            let last = before + int64 events.Length

            List.map (fun (event: Event) -> event.Version) events = [ before + 1L .. last ]
            && (decision.Sessions
                |> List.filter (fun changed -> changed.Id = session)
                |> List.map (fun changed -> changed.Version)) = [ last ]
            && session.Customer = work.Customer.Id
            && session.Channel = work.Channel

        let streams = decision.Events |> List.groupBy (fun event -> event.Session)

        List.sort (List.map fst decision.Endings) =
            List.sort (work.Entries |> List.map (fun entry -> entry.Id))
        && List.forall continues streams
        && decision.Sessions.Length = streams.Length

    let private attempt tables decide work : Result<CustomerDecision, string> =
        try
            let decision = decide work

            if isValid tables work decision then
                Ok decision
            else
                Error "the decision is not valid"
        with problem ->
            Error(String.Concat(problem.GetType().Name, ": ", problem.Message))

    let private setTimers (tables: MemoryTables) (command: Command) =
        match command.Action with
        | SetTimer(timer, due) ->
            tables.Timers[struct (command.Key.Session, timer)] <- struct (due, command.Key)
        | CancelTimer timer -> tables.Timers.Remove(struct (command.Key.Session, timer)) |> ignore
        | Say _
        | MarkRead _
        | AskAssistant _
        | CreateTicket _
        | AddToTicket _
        | LookUpTickets _
        | FetchFile _
        | AttachToTicket _
        | React _ -> ()

    /// What was written for one customer.
    type private Written = {
        Ended: int
        Events: Event list
        Commands: DecidedCommands
        /// Whether there may be more than what was taken.
        MayHaveMore: bool
        /// Whether something waited for what the customer wrote.
        Woken: bool
    }

    let private keyOf (contact: MemoryContact) : CustomerKey = {
        Channel = contact.Channel
        Customer = contact.Customer
    }

    let private write
        (tables: MemoryTables)
        now
        (contact: MemoryContact)
        entries
        (decision: CustomerDecision)
        =
        let speaking = MemoryOutbox.isSpeaking tables (keyOf contact)
        let isBlocked = (MemoryContacts.standing tables contact).Blocked

        for event in decision.Events do
            match tables.Streams.TryGetValue event.Session with
            | true, stream -> stream.Add event
            | false, _ -> tables.Streams[event.Session] <- ResizeArray [ event ]

        match decision.Sessions with
        | [] -> ()
        | sessions ->
            let newest = sessions |> List.maxBy (fun session -> session.Id.Ordinal)
            let standing = MemoryContacts.standing tables contact

            if Reception.saysConsent (known tables newest.Id) newest standing.OptedOut then
                let change = if newest.Circumstances.OptedOut then OptOut else OptIn
                MemoryContacts.change tables (keyOf standing) change

        for session in decision.Sessions do
            tables.Sessions[session.Id] <- session

        match decision.Sessions with
        | [] -> ()
        | sessions ->
            let newest = sessions |> List.maxBy (fun session -> session.Id.Ordinal)
            let contact = tables.Contacts[struct (contact.Channel, contact.Customer)]

            if newest.Id.Ordinal >= contact.CurrentOrdinal then
                tables.Contacts[struct (contact.Channel, contact.Customer)] <-
                    {
                        contact with
                            CurrentOrdinal = newest.Id.Ordinal
                            Language = Some newest.Language
                            LastActivity =
                                if
                                    newest.Id.Ordinal > contact.CurrentOrdinal
                                    || Some newest.Language <> contact.Language
                                then
                                    max contact.LastActivity newest.LastActivity
                                else
                                    contact.LastActivity
                    }

        let traces =
            entries
            |> List.map (fun waiting -> Reception.causeOf waiting.Entry, waiting.Entry.Trace)
            |> Map.ofList

        let traceOf (key: CommandKey) =
            decision.Events
            |> List.tryFind (fun event -> event.Session = key.Session && event.Version = key.Version)
            |> Option.bind (fun event -> traces |> Map.tryFind event.Cause |> Option.flatten)

        for command in decision.Commands do
            let language =
                known tables command.Key.Session
                |> Option.map (fun session -> session.Language)
                |> Option.defaultValue Spanish

            MemoryOutbox.add tables now language (traceOf command.Key) command
            setTimers tables command

        for id, ending in decision.Endings do
            MemoryInbox.finish tables (struct (contact.Channel, contact.Customer)) id ending

        {
            Ended = decision.Endings.Length
            Events = decision.Events
            Commands = {
                Customer = keyOf contact
                Speaking = speaking
                // What would be sent to a blocked customer is ended by whoever claims it.
                Commands =
                    if isBlocked then
                        Interpreter.notToCustomer decision.Commands
                    else
                        decision.Commands
            }
            MayHaveMore = tables.Waiting.ContainsKey(struct (contact.Channel, contact.Customer))
            Woken = false
        }

    /// Counts a try of the first entry. How many entries ended.
    let private countTry (tables: MemoryTables) key (first: WaitingEntry) reason =
        let tries = first.Tries + 1

        if tries >= StoreRules.mostTries then
            Dead $"it could not be decided in %d{tries} tries: %s{reason}"
            |> MemoryInbox.finish tables key first.Entry.Id

            1
        else
            tables.Waiting[key][first.Entry.Id] <- { first with Tries = tries }
            0

    /// Decides for one customer. When that fails only the first entry is decided, so that those before a
    /// broken one are not held up; when that fails too, it has a try counted.
    let private advanceOne (tables: MemoryTables) now decide key =
        let contact = tables.Contacts[key]

        let waiting =
            tables.Waiting[key].Values
            |> Seq.sortBy (fun waiting -> waiting.Entry.At, waiting.Entry.Id)
            |> Seq.truncate StoreRules.mostEntries
            |> Seq.toList

        let isAction (waiting: WaitingEntry) = waiting.Entry.Source = "whatsapp"

        let woken = List.exists isAction waiting && MemoryWaiting.hear tables now key

        let decided entries =
            attempt
                tables
                decide
                (workFor tables contact (entries |> List.map (fun waiting -> waiting.Entry)))

        let undecided reason = {
            Ended = countTry tables key waiting.Head reason
            Events = []
            Commands = {
                Customer = keyOf contact
                Speaking = false
                Commands = []
            }
            MayHaveMore = false
            Woken = false
        }

        let written =
            match decided waiting with
            | Ok decision -> write tables now contact waiting decision
            | Error _ ->
                match decided [ waiting.Head ] with
                | Ok decision -> write tables now contact [ waiting.Head ] decision
                | Error reason -> undecided reason

        { written with Woken = woken }

    /// The customers to decide for: those that are known of, else those who have waited longest.
    let private candidates (tables: MemoryTables) (request: AdvanceRequest) =
        let name (customer: CustomerKey) =
            struct (customer.Channel, customer.Customer)

        match CommandResult.customers request.Results @ request.Known with
        | [] ->
            tables.Waiting
            |> Seq.map (fun (KeyValue(key, waiting)) -> (Seq.head waiting).Key, key)
            |> Seq.sortBy fst
            |> Seq.map snd
        | known -> known |> Seq.map name |> Seq.distinct |> Seq.filter tables.Waiting.ContainsKey
        |> Seq.truncate request.Most
        |> Seq.toList

    /// Records results, decides for customers, and leases what their commands have room for.
    let advance (tables: MemoryTables) (now: DateTimeOffset) (request: AdvanceRequest) decide : Advanced =
        let recorded = MemoryOutbox.record tables request.Results now
        let written = candidates tables request |> List.map (advanceOne tables now decide)
        let leasing = written |> List.map _.Commands |> Leasing.choose request.Room

        {
            Recorded = recorded
            Ended = written |> List.sumBy _.Ended
            Events = written |> List.collect _.Events
            Leased = [
                for customer in written do
                    for command in customer.Commands.Commands do
                        if leasing.Leased.Contains command.Key then
                            MemoryOutbox.leaseFresh tables command.Key (now + request.Lease)
            ]
            Full =
                if written |> List.exists _.Woken then
                    leasing.Full.Add Messaging
                else
                    leasing.Full
            Behind = leasing.Behind
            Busy = []
            More = [
                for customer in written do
                    if customer.MayHaveMore then
                        customer.Commands.Customer
            ]
        }

    let private timerName timer =
        match timer with
        | QuietTimer -> "quiet"
        | IdleTimer -> "idle"

    /// The trace of the event that set a timer, where the timer's end goes on with what that event began.
    let private traceOf (tables: MemoryTables) timer (key: CommandKey) =
        match timer, tables.Streams.TryGetValue key.Session with
        | QuietTimer, (true, stream) ->
            stream
            |> Seq.tryFind (fun event -> event.Version = key.Version)
            |> Option.bind (fun event ->
                match tables.Traces.TryGetValue event.Cause with
                | true, trace -> Some trace
                | _ -> None)
        | QuietTimer, (false, _)
        | IdleTimer, _ -> None

    /// Turns up to `most` timers that are due into entries. Whose they were.
    let fireTimers (tables: MemoryTables) most now : CustomerKey list =
        let due =
            tables.Timers
            |> Seq.map (fun (KeyValue(name, set)) -> name, set)
            |> Seq.filter (fun (_, struct (due, _)) -> due <= now)
            |> Seq.sortBy (fun (_, struct (due, key)) -> due, key)
            |> Seq.truncate most
            |> Seq.toList

        for struct (session, timer), struct (due, key) in due do
            tables.Timers.Remove(struct (session, timer)) |> ignore
            let sourceId = String.Concat(CommandKey.text key, "/", timerName timer)

            TimerElapsed(timer, due)
            |> MemoryInbox.addAbout tables now session "timer" sourceId now (traceOf tables timer key)

        due
        |> List.map (fun (struct (session, _), _) -> {
            Channel = session.Channel
            Customer = session.Customer
        })
