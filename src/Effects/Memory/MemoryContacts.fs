namespace FunctionalBot.Effects.Memory

open System
open System.Collections.Generic
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Who wrote, and what is known of the contacts.
module internal MemoryContacts =
    let private fit (person: Person) : Person =
        let named text =
            text |> Option.filter (String.IsNullOrWhiteSpace >> not)

        {
            person with
                BusinessScopedId = named person.BusinessScopedId
                Phone = named person.Phone
        }

    let private put (tables: MemoryTables) at (row: KnownContact) =
        let key = struct (row.Channel, CustomerId row.Customer)

        let before =
            match tables.Contacts.TryGetValue key with
            | true, contact -> contact
            | false, _ -> {
                Channel = row.Channel
                Customer = CustomerId row.Customer
                BusinessScopedId = None
                Phone = None
                Name = None
                MergedInto = None
                Language = None
                CurrentOrdinal = 0
                LastActivity = at
                OptedOut = false
                Blocked = false
              }

        tables.Contacts[key] <-
            {
                before with
                    BusinessScopedId = KnownId.text row.BusinessScopedId
                    Phone = KnownId.text row.Phone
                    Name = row.Name
                    MergedInto = row.MergedInto |> Option.map CustomerId
            }

    /// What the customer did and waits is decided for the contact that stays. What belongs to a session stays with it.
    let private forward (tables: MemoryTables) gone into =
        match tables.Waiting.TryGetValue gone with
        | false, _ -> ()
        | true, waiting ->
            for KeyValue(id, entry) in List.ofSeq waiting do
                if entry.Entry.Session.IsNone then
                    if not (tables.Waiting.ContainsKey into) then
                        tables.Waiting[into] <- SortedDictionary()

                    waiting.Remove id |> ignore
                    tables.Waiting[into][id] <- entry

            if waiting.Count = 0 then
                tables.Waiting.Remove gone |> ignore

    let private merge (tables: MemoryTables) at (merge: Merge) =
        let gone = struct (merge.Channel, CustomerId merge.Gone)
        let into = struct (merge.Channel, CustomerId merge.Into)
        let other, contact = tables.Contacts[gone], tables.Contacts[into]

        tables.Contacts[into] <-
            {
                contact with
                    Language = contact.Language |> Option.orElse other.Language
                    OptedOut = contact.OptedOut || other.OptedOut
                    Blocked = contact.Blocked || other.Blocked
            }

        forward tables gone into

        // Nothing that is written from now on wakes what waited for the contact that goes.
        for KeyValue(id, command) in List.ofSeq tables.Outbox do
            let session = command.Command.Key.Session

            if command.State = Awaiting && struct (session.Channel, session.Customer) = gone then
                tables.Outbox[id] <-
                    {
                        command with
                            State = Ready
                            Wake = at
                    }

    /// The contact that stands for this one.
    let standing (tables: MemoryTables) (contact: MemoryContact) : MemoryContact =
        match contact.MergedInto with
        | Some into -> tables.Contacts[struct (contact.Channel, into)]
        | None -> contact

    /// The customer whom this tells of, remembered with everything that is now known. `salt` tells the body apart from
    /// all others. None where nobody is named.
    let resolve (tables: MemoryTables) salt channel at sighting : MemoryContact option =
        Sighting.fitting fit sighting
        |> Option.map (fun sighting ->
            let root = tables.Book.See salt channel at sighting

            for row in tables.Book.TakeChanges() do
                put tables at row

            for merged in tables.Book.TakeMerges() do
                merge tables at merged

            tables.Contacts[struct (channel, CustomerId root.Customer)])

    /// Changes a contact by hand, and with it the one that stands for it.
    let change (tables: MemoryTables) (customer: CustomerKey) (change: ContactChange) : unit =
        let contact =
            standing tables tables.Contacts[struct (customer.Channel, customer.Customer)]

        tables.Contacts[struct (contact.Channel, contact.Customer)] <-
            match change with
            | Block -> { contact with Blocked = true }
            | Unblock -> { contact with Blocked = false }
            | OptOut -> { contact with OptedOut = true }
            | OptIn -> { contact with OptedOut = false }
