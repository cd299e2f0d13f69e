namespace FunctionalBot.Effects.Memory

open System
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Speech that waits for its customer to write.
module internal MemoryWaiting =
    let speaks (command: OpenCommand) =
        match command.Command.Action with
        | Say _ -> true
        | _ -> false

    let never = DateTimeOffset(9999, 1, 1, 0, 0, 0, TimeSpan.Zero)

    let customerOf (command: Command) =
        struct (command.Key.Session.Channel, command.Key.Session.Customer)

    /// What is open of what is said to the customer, in these states.
    let speechOf (tables: MemoryTables) customer (isWanted: CommandState -> bool) = [
        for KeyValue(id, command) in tables.Outbox do
            if
                speaks command
                && isWanted command.State
                && customerOf command.Command = customer
            then
                id, command
    ]

    /// When the customer was last heard, by whichever contact stands for him.
    let lastHeard (tables: MemoryTables) (struct (channel, _) as key) =
        let ofContact (contact: MemoryContact) =
            let current: SessionId = {
                Channel = channel
                Customer = contact.Customer
                Ordinal = contact.CurrentOrdinal
            }

            match tables.Sessions.TryGetValue current with
            | true, session -> Some session.LastActivity
            | false, _ -> None

        match tables.Contacts.TryGetValue key with
        | true, contact -> max (ofContact contact) (ofContact (MemoryContacts.standing tables contact))
        | false, _ -> None

    let isMerged (tables: MemoryTables) customer =
        match tables.Contacts.TryGetValue customer with
        | true, contact -> contact.MergedInto.IsSome
        | false, _ -> false

    /// Lets go what waited for the customer, who wrote, and notes the time with all that is said. Whether something
    /// waited.
    let hear (tables: MemoryTables) (now: DateTimeOffset) customer : bool =
        let isAwaiting state = state = Awaiting
        let waited = not (speechOf tables customer isAwaiting).IsEmpty

        for id, command in speechOf tables customer (fun _ -> true) do
            tables.Outbox[id] <-
                {
                    command with
                        State = if isAwaiting command.State then Ready else command.State
                        Wake = if isAwaiting command.State then now else command.Wake
                        Heard = Some now
                }

        waited

    /// A status says of a send that the customer has to write first: it goes on being open, to wait for that. True
    /// where the session hears nothing of it: a later try that was accepted goes before it, too.
    let keepLateRefused (tables: MemoryTables) (now: DateTimeOffset) key (at: DateTimeOffset) : bool =
        let shut (command: OpenCommand) since =
            let isAwaited =
                not (
                    speechOf tables (customerOf command.Command) (fun state -> state = Awaiting)
                    |> List.isEmpty
                )

            {
                command with
                    State = if isAwaited then Awaiting else Ready
                    Wake = if isAwaited then never else now
                    Shut = Some since
            }

        /// What was tried more than once, the last time after the customer was heard, may be on its way by now.
        let isOfOpenTry (command: OpenCommand) =
            command.Attempts = 1
            || CustomerWindow.isOfAfter (max command.Heard (lastHeard tables (customerOf command.Command))) at

        let isAtRest (command: OpenCommand) =
            command.State = Awaiting || command.State = Ready

        match tables.Places.TryGetValue key, tables.Sent.TryGetValue key with
        | (true, id), _ when speaks tables.Outbox[id] && tables.Outbox[id].Attempts > 0 ->
            let command = tables.Outbox[id]

            if isOfOpenTry command && command.State <> Awaiting then
                tables.Outbox[id] <- shut command at

            isAtRest command || isOfOpenTry command
        | (false, _), (true, struct (ended, endedAt)) when
            CustomerWindow.isOfLastTry ended.Attempts endedAt at
            ->
            let id = tables.NextId()
            tables.Sent.Remove key |> ignore
            tables.Places[key] <- id

            tables.Outbox[id] <-
                {
                    shut ended (min endedAt at) with
                        PutOffs = ended.Attempts
                }

            tables.Uncount "command-done"
            true
        | (false, _), (isSent, _) -> isSent
        | (true, _), _ -> false

    /// Takes the right to ask the customer by a template to write.
    let takeTemplate
        (tables: MemoryTables)
        (customer: CustomerKey)
        (lastHeard: DateTimeOffset option)
        (now: DateTimeOffset)
        : bool =
        let key = struct (customer.Channel, customer.Customer)

        let mayBeAsked =
            match tables.Contacts.TryGetValue key with
            | true, contact -> not (contact.OptedOut || contact.Blocked || contact.MergedInto.IsSome)
            | false, _ -> true

        let isFree =
            match tables.Asked.TryGetValue key with
            | true, asked -> lastHeard |> Option.exists (fun heard -> asked < heard)
            | false, _ -> true

        if mayBeAsked && isFree then
            tables.Asked[key] <- now

        mayBeAsked && isFree
