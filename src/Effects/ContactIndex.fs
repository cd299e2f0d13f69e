namespace FunctionalBot.Effects

open System
open System.Collections.Generic

/// A contact that stands for itself no more.
type internal Merge = {
    Channel: string
    Gone: string
    Into: string
}

/// Contacts by their keys and ids, and the ways in which ids come to be somebody's. Each id stands in one row of a
/// channel at most. It does not judge: `ContactBook` does.
///
/// `lastSession` tells when a contact's newest session was begun; None for one without sessions.
type internal ContactIndex(lastSession: struct (string * string) -> DateTimeOffset option) =
    let rows = Dictionary<struct (string * string), KnownContact>()
    let scopedIds = Dictionary<struct (string * string), string>()
    let phones = Dictionary<struct (string * string), string>()
    let changed = HashSet<struct (string * string)>()
    let merges = ResizeArray<Merge>()

    let reindex
        (index: Dictionary<struct (string * string), string>)
        (row: KnownContact)
        former
        (id: string option)
        =
        match former with
        | Some former when Some former <> id ->
            match index.TryGetValue(struct (row.Channel, former)) with
            | true, holder when holder = row.Customer -> index.Remove(struct (row.Channel, former)) |> ignore
            | _ -> ()
        | _ -> ()

        id |> Option.iter (fun id -> index[struct (row.Channel, id)] <- row.Customer)

    let load (row: KnownContact) =
        let before =
            match rows.TryGetValue(struct (row.Channel, row.Customer)) with
            | true, before -> Some before
            | false, _ -> None

        rows[struct (row.Channel, row.Customer)] <- row

        let former (part: KnownContact -> KnownId option) =
            before |> Option.bind part |> KnownId.text

        reindex scopedIds row (former _.BusinessScopedId) (KnownId.text row.BusinessScopedId)
        reindex phones row (former _.Phone) (KnownId.text row.Phone)

    let put (row: KnownContact) =
        load row
        changed.Add(struct (row.Channel, row.Customer)) |> ignore

    let find (index: Dictionary<struct (string * string), string>) channel (id: string option) =
        match id with
        | None -> None
        | Some id ->
            match index.TryGetValue(struct (channel, id)) with
            | true, customer -> Some rows[struct (channel, customer)]
            | false, _ -> None

    let current (row: KnownContact) =
        rows[struct (row.Channel, row.Customer)]

    let rootOf (row: KnownContact) =
        match row.MergedInto with
        | Some into -> rows[struct (row.Channel, into)]
        | None -> row

    /// A key that no row has.
    let freshKey channel (wanted: string) (salt: string) =
        Seq.initInfinite (fun index ->
            if index = 0 then
                wanted
            else
                // Not counted from 2: such a name may belong to somebody who has moved to another number since, and is
                // not among those who were read.
                String.Concat(wanted, "_", salt, String('_', index - 1)))
        |> Seq.find (fun key -> not (rows.ContainsKey(struct (channel, key))))

    let keyOf (scoped: string option) (phone: string option) =
        scoped |> Option.orElse phone |> Option.defaultValue "" |> ContactIndex.KeyOf

    let keepFormer salt (root: KnownContact) (until: DateTimeOffset option) scoped phone =
        let free (index: Dictionary<struct (string * string), string>) id =
            id
            |> Option.filter (fun id -> not (index.ContainsKey(struct (root.Channel, id))))

        let dated id =
            id |> Option.map (fun id -> { Id = id; At = until })

        match free scopedIds scoped, free phones phone with
        | None, None -> ()
        | scoped, phone ->
            put {
                Channel = root.Channel
                // No id holds such a sign, so that nobody's own key is taken.
                Customer = freshKey root.Channel (String.Concat(keyOf scoped phone, "~", salt)) salt
                BusinessScopedId = dated scoped
                Phone = dated phone
                Name = None
                MergedInto = Some root.Customer
            }

    let release channel scoped phone =
        match find scopedIds channel scoped with
        | Some holder -> put { holder with BusinessScopedId = None }
        | None -> ()

        match find phones channel phone with
        | Some holder -> put { holder with Phone = None }
        | None -> ()

    let reach salt (root: KnownContact) (at: DateTimeOffset) scoped phone drops : KnownContact =
        let before = current root

        let now (own: KnownId option) named =
            match named with
            | Some id when KnownId.text own = named ->
                Some {
                    Id = id
                    At = max (own |> Option.bind _.At) (Some at)
                }
            | Some id -> Some { Id = id; At = Some at }
            | None -> own

        let scopedNow =
            if drops && Option.isNone scoped then
                None
            else
                now before.BusinessScopedId scoped

        let phoneNow = now before.Phone phone

        /// The id where it is another one than this.
        let other than known =
            if KnownId.text known = KnownId.text than then
                None
            else
                KnownId.text known

        release before.Channel (other before.BusinessScopedId scopedNow) (other before.Phone phoneNow)

        let after = {
            current root with
                BusinessScopedId = scopedNow
                Phone = phoneNow
        }

        if after <> before then
            put after

        keepFormer
            salt
            after
            (Some at)
            (other scopedNow before.BusinessScopedId)
            (other phoneNow before.Phone)

        after

    let merge (at: DateTimeOffset) (first: KnownContact) (second: KnownContact) : KnownContact =
        let first, second = current first, current second

        if first.Customer = second.Customer then
            first
        else
            let begun (row: KnownContact) =
                lastSession (struct (row.Channel, row.Customer))

            let stays, goes =
                if begun second > begun first then
                    second, first
                else
                    first, second

            let phone = KnownId.newest stays.Phone goes.Phone
            let scoped = KnownId.newest stays.BusinessScopedId goes.BusinessScopedId

            let hasTwo (part: KnownContact -> KnownId option) =
                (part stays).IsSome && (part goes).IsSome

            // Meta makes a new one with a new number: the only one that is known went with the number of before.
            let went =
                not (hasTwo _.BusinessScopedId)
                && [ stays; goes ]
                   |> List.exists (fun row ->
                       row.BusinessScopedId.IsSome && KnownId.text row.Phone <> KnownId.text phone)
                && (scoped |> Option.bind _.At) < (phone |> Option.bind _.At)

            /// What of this kind is not the person's any more, and until when it was.
            let left (part: KnownContact -> KnownId option) (chosen: KnownId option) =
                if hasTwo part then
                    [ part stays; part goes ]
                    |> List.tryFind (fun known -> known <> chosen)
                    |> Option.flatten
                    |> Option.map (fun known -> {
                        known with
                            At = chosen |> Option.bind _.At |> Option.orElse (Some at)
                    })
                else
                    None

            put {
                goes with
                    BusinessScopedId =
                        if went then
                            scoped
                            |> Option.map (fun known -> {
                                known with
                                    At = phone |> Option.bind _.At
                            })
                        else
                            left _.BusinessScopedId scoped
                    Phone = left _.Phone phone
                    MergedInto = Some stays.Customer
            }

            for row in List.ofSeq rows.Values do
                if row.Channel = goes.Channel && row.MergedInto = Some goes.Customer then
                    put {
                        row with
                            MergedInto = Some stays.Customer
                    }

            let merged = {
                stays with
                    BusinessScopedId = if went then None else scoped
                    Phone = phone
                    Name = stays.Name |> Option.orElse goes.Name
            }

            put merged

            merges.Add {
                Channel = stays.Channel
                Gone = goes.Customer
                Into = stays.Customer
            }

            merged

    let add salt channel at scoped phone name : KnownContact =
        release channel scoped phone

        let dated id =
            id |> Option.map (fun id -> { Id = id; At = Some at })

        let fresh = {
            Channel = channel
            Customer = freshKey channel (keyOf scoped phone) salt
            BusinessScopedId = dated scoped
            Phone = dated phone
            Name = name
            MergedInto = None
        }

        put fresh
        fresh

    /// The name a new contact gets: it is a part of stream names, so it may hold no slash.
    static member KeyOf(id: string) : string =
        match id.Replace('/', '_') with
        | "" -> "_"
        | key -> key

    /// Puts down what is known already.
    member _.Load(row: KnownContact) = load row

    /// Changes a row.
    member _.Put(row: KnownContact) = put row

    /// The row of that name.
    member _.Row channel customer : KnownContact = rows[struct (channel, customer)]

    /// The row as it is now.
    member _.Current(row: KnownContact) : KnownContact = current row

    /// The contact that stands for the row now.
    member _.RootOf(row: KnownContact) : KnownContact = rootOf row

    /// Whether the contact has, or ever had, a business-scoped id.
    member _.HasScopedId(root: KnownContact) : bool =
        rows.Values
        |> Seq.exists (fun row ->
            row.BusinessScopedId.IsSome
            && row.Channel = root.Channel
            && (row.Customer = root.Customer || row.MergedInto = Some root.Customer))

    /// Whose the business-scoped id is, or was.
    member _.ByScopedId (channel: string) (id: string option) : KnownContact option =
        find scopedIds channel id

    /// Whose the phone is, or was.
    member _.ByPhone (channel: string) (phone: string option) : KnownContact option =
        find phones channel phone

    /// Keeps ids by which the contact was reached until then, those that are in no row. `salt` tells this delivery
    /// apart from all others: where a name is taken, it makes another.
    member _.KeepFormer salt root until scoped phone : unit = keepFormer salt root until scoped phone

    /// The contact is reached by these ids from then on; whoever had them loses them. What it was reached by before is
    /// kept. With `drops` it has no business-scoped id any more unless one is named.
    member _.Reach salt root at scoped phone drops : KnownContact = reach salt root at scoped phone drops

    /// Two contacts turn out to be one person. The one with the newest conversation stays, so that it goes on; what the
    /// other was reached by is kept in its row.
    member _.Merge at first second : KnownContact = merge at first second

    /// A new contact, which takes the ids from whoever has them.
    member _.Add salt channel at scoped phone name : KnownContact = add salt channel at scoped phone name

    /// The rows that were changed or added since the last call.
    member _.TakeChanges() : KnownContact list =
        let taken = [
            for struct (channel, customer) in changed -> rows[struct (channel, customer)]
        ]

        changed.Clear()
        taken

    /// What was merged since the last call, in order.
    member _.TakeMerges() : Merge list =
        let taken = List.ofSeq merges
        merges.Clear()
        taken
