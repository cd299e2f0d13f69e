namespace FunctionalBot.Effects.Memory

open System
open System.Collections.Generic
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Queueing commands, handing them out, and taking in what came of them.
module internal MemoryOutbox =
    open MemoryWaiting

    /// The order in which one customer is told things.
    let private place (command: OpenCommand) =
        let key = command.Command.Key
        struct (key.Session.Ordinal, key.Version, key.Ordinal)

    /// Queues a command of a decision. Timers are not queued. What is said behind something that waits for the customer
    /// waits as well.
    let add (tables: MemoryTables) now language trace (command: Command) =
        if (Service.ofAction command.Action).IsSome then
            if not (tables.Commands.TryAdd(command.Key, command.Action)) then
                invalidOp ("a command was queued twice: " + CommandKey.text command.Key)

            let waits =
                command.Action.IsSay
                && not (speechOf tables (customerOf command) (fun state -> state = Awaiting)).IsEmpty

            let id = tables.NextId()
            tables.Places[command.Key] <- id

            tables.Outbox[id] <-
                {
                    Command = command
                    Language = language
                    QueuedAt = now
                    State = if waits then Awaiting else Ready
                    Attempts = 0
                    PutOffs = 0
                    Wake = if waits then never else now
                    DelayTold = false
                    Trace = trace
                    Heard = None
                    Shut = None
                }

    let private recipient (tables: MemoryTables) (key: CommandKey) : Recipient =
        match tables.Contacts.TryGetValue(struct (key.Session.Channel, key.Session.Customer)) with
        | true, contact ->
            let standing = MemoryContacts.standing tables contact

            {
                Phone = standing.Phone
                BusinessScopedId = standing.BusinessScopedId
            }
        | false, _ -> {
            Phone = None
            BusinessScopedId = None
          }

    let private isBlocked (tables: MemoryTables) (key: CommandKey) =
        match tables.Contacts.TryGetValue(struct (key.Session.Channel, key.Session.Customer)) with
        | true, contact -> (MemoryContacts.standing tables contact).Blocked
        | false, _ -> false

    /// Leases one command for a further try.
    let private lease (tables: MemoryTables) id until : ClaimedCommand =
        let command = tables.Outbox[id]
        let attempt = command.Attempts + 1
        let heard = max command.Heard (lastHeard tables (customerOf command.Command))

        tables.Outbox[id] <-
            {
                command with
                    State = Running
                    Attempts = attempt
                    Wake = until
            }

        {
            Place = id
            Command = command.Command
            Recipient = recipient tables command.Command.Key
            Language = command.Language
            Attempt = attempt
            PutOffs = command.PutOffs
            QueuedAt = command.QueuedAt
            DelayTold = command.DelayTold
            Trace = command.Trace
            LastHeard = heard
            IsShut = CustomerWindow.isShutBy command.Shut heard
        }

    /// Leases a command that was just queued.
    let leaseFresh (tables: MemoryTables) key until : ClaimedCommand = lease tables tables.Places[key] until

    /// Whether anything that speaks to the customer is open.
    let isSpeaking (tables: MemoryTables) (customer: CustomerKey) =
        tables.Outbox.Values
        |> Seq.exists (fun command ->
            let session = command.Command.Key.Session

            speaks command
            && session.Channel = customer.Channel
            && session.Customer = customer.Customer)

    let private finish (tables: MemoryTables) now key state =
        match tables.Places.TryGetValue key with
        | true, id ->
            if state = "done" && speaks tables.Outbox[id] then
                tables.Sent[key] <- struct (tables.Outbox[id], now)

            tables.Places.Remove key |> ignore
            tables.Outbox.Remove id |> ignore
            tables.Count ("command-" + state) 1L
        | false, _ -> ()

    /// Ends a send in whatever state it is, if it was tried at all.
    let settle (tables: MemoryTables) now key state =
        match tables.Places.TryGetValue key with
        | true, id when speaks tables.Outbox[id] && tables.Outbox[id].Attempts > 0 ->
            finish tables now key state
        | _ -> ()

    /// Of what each customer is told, the oldest that is open.
    let private oldestSays (tables: MemoryTables) =
        let oldest = Dictionary<struct (string * CustomerId), OpenCommand>()

        // A send that runs is not overtaken, not even by an older session's.
        let goesAhead (command: OpenCommand) (known: OpenCommand) =
            known.State <> Running
            && (command.State = Running || place command < place known)

        for command in tables.Outbox.Values do
            if speaks command then
                let key = command.Command.Key
                let customer = struct (key.Session.Channel, key.Session.Customer)
                let mutable known = command

                if not (oldest.TryGetValue(customer, &known)) || goesAhead command known then
                    oldest[customer] <- command

        oldest

    let private due (tables: MemoryTables) service (now: DateTimeOffset) most =
        let oldest = oldestSays tables

        let isFirst (command: OpenCommand) =
            let key = command.Command.Key
            let first = oldest[struct (key.Session.Channel, key.Session.Customer)]
            first.Command.Key = key

        [
            for KeyValue(id, command) in tables.Outbox do
                if
                    Service.ofAction command.Command.Action = Some service
                    && command.Wake <= now
                    && (not (speaks command) || isFirst command)
                then
                    id, command
        ]
        |> List.sortBy (fun (id, command) -> command.Wake, id)
        |> List.truncate most

    /// Leases what is due. A send whose lease ran out may have been sent: it is parked first. Where
    /// everything that was due is over at once, more may be due behind it.
    let rec claim
        (tables: MemoryTables)
        (parkFor: TimeSpan)
        (service: Service)
        (most: int)
        (now: DateTimeOffset)
        (span: TimeSpan)
        : ClaimedCommand list =
        let mutable over = 0
        let leased = ResizeArray()

        for id, command in due tables service now most do
            match command.Command.Action with
            | Say _ when command.State = Running ->
                tables.Outbox[id] <-
                    {
                        command with
                            State = Unknown
                            Wake = now + parkFor
                    }
            | action when Service.ofAction action = Some Messaging && isBlocked tables command.Command.Key ->
                over <- over + 1
                finish tables now command.Command.Key "dropped"
            | MarkRead _ when now - command.QueuedAt > StoreRules.markReadUseful ->
                over <- over + 1
                finish tables now command.Command.Key "done"
            | _ -> leased.Add(lease tables id (now + span))

        if leased.Count = 0 && over > 0 then
            claim tables parkFor service most now span
        else
            List.ofSeq leased

    /// Prolongs leases of tries that are the last ones and run. Their places.
    let keep (tables: MemoryTables) (held: ClaimedCommand list) (now: DateTimeOffset) (lease: TimeSpan) =
        let keepOne (claimed: ClaimedCommand) =
            match tables.Places.TryGetValue claimed.Command.Key with
            | true, id ->
                let command = tables.Outbox[id]
                let isHeld = command.Attempts = claimed.Attempt && command.State = Running

                if isHeld then
                    tables.Outbox[id] <- { command with Wake = now + lease }

                isHeld
            | false, _ -> false

        held |> List.filter keepOne |> List.map _.Place

    let private recordOne (tables: MemoryTables) now (claimed: ClaimedCommand) result =
        let key = claimed.Command.Key

        let tell suffix fact =
            let sourceId = CommandKey.text key + suffix
            MemoryInbox.addAbout tables now key.Session "command" sourceId now claimed.Trace fact

        match tables.Places.TryGetValue key with
        | true, id when
            tables.Outbox[id].Attempts = claimed.Attempt
            && tables.Outbox[id].State <> Ready
            && tables.Outbox[id].State <> Awaiting
            ->
            let command = tables.Outbox[id]

            match result with
            | Done fact ->
                fact |> Option.iter (tell "")
                finish tables now key "done"
            | GivenUp(_, fact) ->
                fact |> Option.iter (tell "")
                finish tables now key "dead"
            | RunAgain(at, _, fact) ->
                fact |> Option.iter (tell "/delayed")

                tables.Outbox[id] <-
                    {
                        command with
                            State = Ready
                            Wake = at
                            DelayTold = command.DelayTold || fact.IsSome
                    }
            | PutOff(until, _) ->
                tables.Outbox[id] <-
                    {
                        command with
                            State = Ready
                            Wake = until
                            PutOffs = command.PutOffs + 1
                    }
            | AwaitCustomer _ when
                max command.Heard (lastHeard tables (customerOf command.Command)) > claimed.LastHeard
                ->
                tables.Outbox[id] <-
                    {
                        command with
                            State = Ready
                            Wake = now
                            PutOffs = command.PutOffs + 1
                    }
            | AwaitCustomer _ when isMerged tables (customerOf command.Command) ->
                tables.Outbox[id] <-
                    {
                        command with
                            State = Ready
                            Wake = now + StoreRules.mergedIsTriedEvery
                            PutOffs = command.PutOffs + 1
                    }
            | AwaitCustomer _ ->
                let putOff = {
                    command with
                        PutOffs = command.PutOffs + 1
                }

                let behind =
                    speechOf tables (customerOf claimed.Command) (fun state -> state = Ready)

                for id, command in (id, putOff) :: behind do
                    tables.Outbox[id] <-
                        {
                            command with
                                State = Awaiting
                                Wake = never
                        }
            | Parked(until, _) ->
                tables.Outbox[id] <-
                    {
                        command with
                            State = Unknown
                            Wake = until
                    }

            true
        | _ -> false

    /// Ends what was queued longer ago than the span and waits still, or is tried each hour since its contact was
    /// merged. How many.
    let giveUpWaiting (tables: MemoryTables) (keep: TimeSpan) (now: DateTimeOffset) most : int =
        let isTriedEachHour (command: OpenCommand) =
            speaks command
            && command.State = Ready
            && command.PutOffs > 0
            && command.Wake > now
            && isMerged tables (customerOf command.Command)

        let old =
            tables.Outbox.Values
            |> Seq.filter (fun command ->
                command.QueuedAt < now - keep
                && (command.State = Awaiting || isTriedEachHour command))
            |> Seq.truncate most
            |> Seq.toList

        for command in old do
            let key = command.Command.Key
            let fact = StoreRules.neverHeard key
            let sourceId = CommandKey.text key
            MemoryInbox.addAbout tables now key.Session "command" sourceId now command.Trace fact
            finish tables now key "dead"

        old.Length

    /// Lets messages that were put off be handed out at once.
    let wakeMessages (tables: MemoryTables) now =
        for KeyValue(id, command) in List.ofSeq tables.Outbox do
            if
                Service.ofAction command.Command.Action = Some Messaging
                && command.State = Ready
                && command.PutOffs > 0
                && command.Wake > now
            then
                tables.Outbox[id] <- { command with Wake = now }

    /// Records results of the tries that are the last ones. How many were recorded.
    let record (tables: MemoryTables) (results: (ClaimedCommand * CommandResult) list) now =
        results
        |> List.distinctBy (fun (claimed, _) -> claimed.Command.Key)
        |> List.filter (fun (claimed, result) -> recordOne tables now claimed result)
        |> List.length
