namespace FunctionalBot.Effects.Store

open System
open System.Collections.Generic
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects

/// A row of bot.contact, as far as resolving needs it.
type internal Contact = {
    Channel: string
    Customer: string
    BusinessScopedId: string option
    Phone: string option
    Name: string option
}

/// Who wrote: the contact whose business-scoped id it is, else the one whose phone it is, else a new one.
module internal Contacts =
    let private selectSql =
        "SELECT DISTINCT c.channel, c.customer, c.business_scoped_id, c.phone, c.name
        FROM unnest($1, $2, $3, $4) AS n(channel, business_scoped_id, phone, customer)
        CROSS JOIN LATERAL (
            SELECT * FROM bot.contact a
            WHERE a.channel = n.channel AND a.business_scoped_id = n.business_scoped_id
            UNION ALL
            SELECT * FROM bot.contact b WHERE b.channel = n.channel AND b.phone = n.phone
            UNION ALL
            SELECT * FROM bot.contact k WHERE k.channel = n.channel AND k.customer = n.customer) c"

    let private releaseSql =
        "UPDATE bot.contact c SET phone = NULL FROM unnest($1, $2) AS n(channel, customer)
        WHERE c.channel = n.channel AND c.customer = n.customer RETURNING 1"

    /// Only what the message told anew is written: another node may have written the rest since it was read.
    let private updateSql =
        "UPDATE bot.contact c SET
            business_scoped_id = coalesce(n.business_scoped_id, c.business_scoped_id),
            phone = CASE WHEN n.phone IS DISTINCT FROM n.read_phone THEN n.phone ELSE c.phone END,
            name = coalesce(n.name, c.name)
        FROM unnest($1, $2, $3, $4, $5, $6) AS n(channel, customer, business_scoped_id, phone, name, read_phone)
        WHERE c.channel = n.channel AND c.customer = n.customer RETURNING 1"

    let private insertSql =
        "INSERT INTO bot.contact (channel, customer, business_scoped_id, phone, name, created, last_activity)
        SELECT channel, customer, business_scoped_id, phone, name, $6, $6
        FROM unnest($1, $2, $3, $4, $5) AS n(channel, customer, business_scoped_id, phone, name)
        ORDER BY channel, customer
        ON CONFLICT DO NOTHING RETURNING 1"

    /// The name a new contact gets: it is a part of stream names, so it may hold no slash.
    let private keyOf (id: string) =
        match StoredText.name(id).Replace('/', '_') with
        | "" -> "_"
        | key -> key

    let private idOf (person: Person) =
        person.BusinessScopedId |> Option.orElse person.Phone

    /// A person as it can be stored. None where neither id is there.
    let storable (person: Person) : Person option =
        let name text =
            if String.IsNullOrWhiteSpace text then
                None
            else
                Some(StoredText.name text)

        let stored = {
            BusinessScopedId = Option.bind name person.BusinessScopedId
            Phone = Option.bind name person.Phone
            Name = person.Name |> Option.map StoredText.clean
        }

        idOf stored |> Option.map (fun _ -> stored)

    /// Finds the customer of each (channel, person), in order; writes new and changed contacts.
    /// `digest` tells this delivery apart from all others: where a name is taken, it makes another.
    let resolve
        (work: Work)
        (now: DateTimeOffset)
        (digest: string)
        (people: (string * Person) list)
        : Task<CustomerId list> = task {
        let known = Dictionary<struct (string * string), Contact>()
        let byBusinessScopedId = Dictionary<struct (string * string), string>()
        let byPhone = Dictionary<struct (string * string), string>()
        let fresh = HashSet<struct (string * string)>()
        let changed = HashSet<struct (string * string)>()
        let released = HashSet<struct (string * string)>()

        /// As they were read.
        let readPhones = Dictionary<struct (string * string), string option>()

        let put (contact: Contact) =
            known[struct (contact.Channel, contact.Customer)] <- contact

            contact.BusinessScopedId
            |> Option.iter (fun id -> byBusinessScopedId[struct (contact.Channel, id)] <- contact.Customer)

            contact.Phone
            |> Option.iter (fun phone -> byPhone[struct (contact.Channel, phone)] <- contact.Customer)

        let change (contact: Contact) =
            put contact
            changed.Add(struct (contact.Channel, contact.Customer)) |> ignore

        let distinct = List.distinct people

        do!
            Database.run work [
                Statement.create selectSql [
                    Statement.texts (distinct |> Seq.map fst)
                    Statement.textOptions (distinct |> Seq.map (fun (_, person) -> person.BusinessScopedId))
                    Statement.textOptions (distinct |> Seq.map (fun (_, person) -> person.Phone))
                    Statement.textOptions (
                        distinct |> Seq.map (fun (_, person) -> Option.map keyOf (idOf person))
                    )
                ],
                fun reader ->
                    let contact = {
                        Channel = reader.GetString 0
                        Customer = reader.GetString 1
                        BusinessScopedId = Database.textOrNone reader 2
                        Phone = Database.textOrNone reader 3
                        Name = Database.textOrNone reader 4
                    }

                    readPhones[struct (contact.Channel, contact.Customer)] <- contact.Phone
                    put contact
            ]

        let find (index: Dictionary<_, string>) channel id =
            match id with
            | None -> None
            | Some id ->
                match index.TryGetValue(struct (channel, id)) with
                | true, customer -> Some known[struct (channel, customer)]
                | false, _ -> None

        /// The phone now belongs to this contact: who had it before keeps the business-scoped id only.
        let takePhone (contact: Contact) phone =
            match find byPhone contact.Channel (Some phone) with
            | Some holder when holder.Customer <> contact.Customer ->
                if holder.BusinessScopedId.IsSome then
                    released.Add(struct (holder.Channel, holder.Customer)) |> ignore
                    change { holder with Phone = None }
                    { contact with Phone = Some phone }
                else
                    // The phone is the only way to reach its holder, and this one can be reached by the
                    // other id.
                    contact
            | _ -> { contact with Phone = Some phone }

        let add channel (person: Person) =
            let wanted = idOf person |> Option.defaultValue "" |> keyOf

            let customer =
                Seq.initInfinite (fun index ->
                    if index = 0 then
                        wanted
                    else
                        // Not counted from 2: such a name may belong to somebody who has moved to another
                        // number since, and is not among those who were read.
                        String.Concat(wanted, "_", digest.Substring(0, 12), String('_', index - 1)))
                |> Seq.find (fun key -> not (known.ContainsKey(struct (channel, key))))

            fresh.Add(struct (channel, customer)) |> ignore

            {
                Channel = channel
                Customer = customer
                BusinessScopedId = person.BusinessScopedId
                Phone = None
                Name = person.Name
            }

        let customerOf (channel, person: Person) =
            let found =
                match find byBusinessScopedId channel person.BusinessScopedId with
                | Some contact -> contact
                | None ->
                    match find byPhone channel person.Phone with
                    | Some found when found.BusinessScopedId.IsNone || person.BusinessScopedId.IsNone -> found
                    | _ -> add channel person

            let named = {
                found with
                    BusinessScopedId = found.BusinessScopedId |> Option.orElse person.BusinessScopedId
                    Name = person.Name |> Option.orElse found.Name
            }

            let complete =
                match person.Phone with
                | Some phone when named.Phone <> Some phone -> takePhone named phone
                | _ -> named

            if
                not (known.ContainsKey(struct (channel, complete.Customer)))
                || complete <> found
            then
                change complete

            CustomerId complete.Customer

        let customers = people |> List.map customerOf

        let rowsOf keys =
            keys |> Seq.map (fun key -> known[key]) |> Seq.sort |> Seq.toList

        let columns keys =
            let rows = rowsOf keys

            [
                Statement.texts (rows |> Seq.map _.Channel)
                Statement.texts (rows |> Seq.map _.Customer)
                Statement.textOptions (rows |> Seq.map _.BusinessScopedId)
                Statement.textOptions (rows |> Seq.map _.Phone)
                Statement.textOptions (rows |> Seq.map _.Name)
            ]

        changed.ExceptWith fresh
        released.ExceptWith fresh
        let mutable inserted = 0

        do!
            Database.run work [
                if released.Count > 0 then
                    Statement.create releaseSql (List.take 2 (columns released)), Database.ignoreRows
                if changed.Count > 0 then
                    Statement.create updateSql [
                        yield! columns changed

                        rowsOf changed
                        |> Seq.map (fun row -> readPhones[struct (row.Channel, row.Customer)])
                        |> Statement.textOptions
                    ],
                    Database.ignoreRows
                if fresh.Count > 0 then
                    Statement.create insertSql (columns fresh @ [ Statement.instant now ]),
                    fun _ -> inserted <- inserted + 1
            ]

        if inserted < fresh.Count then
            raise (Collision "the same person was added by another transaction")

        return customers
    }
