namespace FunctionalBot.Effects.Memory

open System
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Who wrote: the contact whose business-scoped id it is, else the one whose phone it is, else a new one.
module internal MemoryContacts =
    let private named text =
        text |> Option.filter (String.IsNullOrWhiteSpace >> not)

    /// The name a new contact gets: it is a part of stream names, so it may hold no slash.
    let private keyOf (id: string) = CustomerId(id.Replace('/', '_'))

    let private find (tables: MemoryTables) channel (part: MemoryContact -> string option) wanted =
        match wanted with
        | None -> None
        | Some _ ->
            tables.Contacts.Values
            |> Seq.tryFind (fun contact -> contact.Channel = channel && part contact = wanted)

    let private put (tables: MemoryTables) (contact: MemoryContact) =
        tables.Contacts[struct (contact.Channel, contact.Customer)] <- contact

    /// Two people may not share a name: the second gets a number behind it.
    let private newCustomer (tables: MemoryTables) channel (id: string) =
        let (CustomerId wanted) = keyOf id

        Seq.initInfinite (fun index ->
            if index = 0 then
                CustomerId wanted
            else
                CustomerId(String.Concat(wanted, "_", string (index + 1))))
        |> Seq.find (fun key -> not (tables.Contacts.ContainsKey(struct (channel, key))))

    /// The phone now belongs to this contact: who had it before keeps the business-scoped id only. Where
    /// the phone is the only way to reach its holder, it stays there.
    let private takePhone tables (contact: MemoryContact) phone =
        match find tables contact.Channel _.Phone (Some phone) with
        | Some holder when holder.Customer <> contact.Customer ->
            if holder.BusinessScopedId.IsSome then
                put tables { holder with Phone = None }
                { contact with Phone = Some phone }
            else
                contact
        | _ -> { contact with Phone = Some phone }

    /// The customer of this person, who is remembered with everything that is now known. None where the
    /// person has neither a phone nor a business-scoped id.
    let resolve (tables: MemoryTables) channel (person: Person) : CustomerId option =
        let scoped = named person.BusinessScopedId
        let phone = named person.Phone

        match scoped |> Option.orElse phone with
        | None -> None
        | Some id ->
            // Most people write again, and then under the name that their id gives.
            let usual =
                match tables.Contacts.TryGetValue(struct (channel, keyOf id)) with
                | true, contact when scoped.IsSome && contact.BusinessScopedId = scoped -> Some contact
                | _ -> None

            let found =
                match
                    usual
                    |> Option.orElseWith (fun () -> find tables channel _.BusinessScopedId scoped)
                with
                | Some contact -> contact
                | None ->
                    match find tables channel _.Phone phone with
                    | Some contact when contact.BusinessScopedId.IsNone || scoped.IsNone -> contact
                    | _ -> {
                        Channel = channel
                        Customer = newCustomer tables channel id
                        BusinessScopedId = scoped
                        Phone = None
                        Name = person.Name
                        Language = None
                        CurrentOrdinal = 0
                      }

            let known = {
                found with
                    BusinessScopedId = found.BusinessScopedId |> Option.orElse scoped
                    Name = person.Name |> Option.orElse found.Name
            }

            let complete =
                match phone with
                | Some phone when known.Phone <> Some phone -> takePhone tables known phone
                | _ -> known

            put tables complete
            Some complete.Customer
