namespace FunctionalBot.Effects

open System

/// What tells who somebody is.
type internal Sighting =
    /// This person wrote.
    | Wrote of Person
    /// This person is reached by other ids.
    | Moved of PersonMove

/// What tells who somebody is.
module internal Sighting =
    let private hasId (person: Person) =
        person.BusinessScopedId.IsSome || person.Phone.IsSome

    /// It with each person as it can be stored. None where it then names nobody.
    let fitting (fit: Person -> Person) (sighting: Sighting) : Sighting option =
        match sighting with
        | Wrote person -> Some(fit person) |> Option.filter hasId |> Option.map Wrote
        | Moved move ->
            Some {
                Before = fit move.Before
                After = fit move.After
            }
            |> Option.filter (fun move -> hasId move.Before && hasId move.After)
            |> Option.map Moved

/// Who is who. The rules are here once, for every store.
///
/// Ids that somebody gave up are kept in rows that point to the contact (`MergedInto`), so that what was written under
/// them and arrives late still finds its way, in whatever order things come. Two questions decide everything: whose was
/// an id at the time of the message, and is there something that is known to be newer. A business-scoped id is one
/// person's for ever; a phone may be somebody else's later.
///
/// `lastSession` tells when a contact's newest session was begun; None for one without sessions.
type internal ContactBook(lastSession: struct (string * string) -> DateTimeOffset option) =
    let index = ContactIndex lastSession

    /// What is sent within minutes of a change may still bear the id of before.
    let leeway = TimeSpan.FromMinutes 5.

    let isOwn (row: KnownContact) = row.MergedInto.IsNone

    /// Whether an id of the contact is known since after this time.
    let isOlder (row: KnownContact) at =
        KnownId.isNewer at row.BusinessScopedId || KnownId.isNewer at row.Phone

    /// Whether a kept id was given up before this time.
    let isAfter (former: KnownId option) (at: DateTimeOffset) =
        former |> Option.bind _.At |> Option.forall (fun until -> at > until)

    /// Whether it is known to have been given up before this time, and what was under way then has arrived.
    let isLongAfter (former: KnownId option) (at: DateTimeOffset) =
        former |> Option.bind _.At |> Option.exists (fun until -> at > until + leeway)

    /// Whether whoever had the phone at this time is the contact of the row: one that has no other id, or had the
    /// phone.
    let isPhoneAlone (holder: KnownContact) at =
        if isOwn holder then
            holder.BusinessScopedId.IsNone
        else
            not (isLongAfter holder.Phone at)

    /// The contact had this phone at this time, and no other contact has it: it is reached by it, unless a newer one is
    /// known.
    let hadThen salt (root: KnownContact) (at: DateTimeOffset) (phone: string option) : KnownContact =
        match index.ByPhone root.Channel phone with
        | _ when not (KnownId.isNewer at root.Phone) -> index.Reach salt root at None phone false
        | Some former when not (isOwn former) && former.MergedInto = Some root.Customer ->
            if isAfter former.Phone at then
                index.Put {
                    former with
                        Phone = former.Phone |> Option.map (fun known -> { known with At = Some at })
                }

            root
        | _ ->
            index.KeepFormer salt root (root.Phone |> Option.bind _.At) None phone
            root

    /// Whether the contact had a former phone of its own longer than was known. Until when it was valid may only be
    /// known roughly: what is newer than the number that is known counts.
    let hadLonger (root: KnownContact) (former: KnownContact) (at: DateTimeOffset) =
        not (isOwn former)
        && (isAfter former.Phone at || (root.Phone |> Option.bind _.At) < Some at)

    /// What a message of the contact says of its phone.
    let namesPhone salt (root: KnownContact) at phone : KnownContact =
        let take () = hadThen salt root at phone

        match index.ByPhone root.Channel phone with
        | _ when phone.IsNone || KnownId.text root.Phone = phone -> root
        | None -> take ()
        | Some holder when (index.RootOf holder).Customer = root.Customer ->
            if hadLonger root holder at then take () else root
        | Some holder when isPhoneAlone holder at ->
            let root =
                if KnownId.isNewer at root.Phone then
                    root
                else
                    index.Reach salt root at None phone false

            index.Merge at root (index.RootOf(index.Current holder))
        // It belongs to somebody with another id: to the one of whom it was said last.
        | Some holder when isOwn holder -> if KnownId.isNewer at holder.Phone then root else take ()
        | Some holder -> if isLongAfter holder.Phone at then take () else root

    /// An older message, under an id that was given up since: what it names beside was that person's then too.
    let wroteFormerly salt (former: KnownContact) at phone : KnownContact =
        let root = index.RootOf former

        match index.ByPhone former.Channel phone with
        | Some holder when (index.RootOf holder).Customer <> root.Customer && isPhoneAlone holder at ->
            index.Merge at root (index.RootOf holder)
        | Some holder when
            root.Phone.IsSome
            && (index.RootOf holder).Customer = root.Customer
            && hadLonger root holder at
            ->
            hadThen salt root at phone
        | Some _ -> root
        | None when root.Phone.IsSome -> hadThen salt root at phone
        // The id was given up since; whether the phone was, is not known.
        | None ->
            index.KeepFormer salt root None None phone
            root

    /// Whether a message under an id that was given up says that it is valid again: it is newer than that, and no other
    /// number, with which Meta makes another id, is known to be newer still.
    let isNews (former: KnownContact) at (phone: string option) =
        let root = index.RootOf former

        isAfter former.BusinessScopedId at
        && (KnownId.text root.Phone = phone || not (KnownId.isNewer at root.Phone))

    let wrote salt channel at (person: Person) : KnownContact =
        let scoped, phone = person.BusinessScopedId, person.Phone

        match index.ByScopedId channel scoped, index.ByPhone channel phone with
        | Some former, _ when not (isOwn former) && not (isNews former at phone) ->
            wroteFormerly salt former at phone
        | Some found, _ ->
            let root = index.RootOf found

            let root =
                if KnownId.text root.BusinessScopedId = scoped then
                    root
                else
                    index.Reach salt root at scoped None false

            namesPhone salt root at phone
        | None, None -> index.Add salt channel at scoped phone person.Name
        | None, Some holder when isOwn holder && scoped.IsNone -> holder
        | None, Some holder when isOwn holder && holder.BusinessScopedId.IsNone ->
            index.Reach salt holder at scoped phone false
        // The phone belongs to another account: that is another person.
        | None, Some holder when isOwn holder ->
            let phone = if KnownId.isNewer at holder.Phone then None else phone

            index.Add salt channel at scoped phone person.Name
        | None, Some former when isLongAfter former.Phone at ->
            index.Add salt channel at scoped phone person.Name
        | None, Some former ->
            let root = index.RootOf former
            index.KeepFormer salt root (former.Phone |> Option.bind _.At) scoped None
            root

    let moved salt channel (at: DateTimeOffset) (move: PersonMove) : KnownContact =
        let before = move.Before

        /// Whether a row's business-scoped id speaks against its being this person's, who had or has the one told.
        let isStranger (row: KnownContact) (told: string option) =
            match KnownId.text row.BusinessScopedId, told with
            | Some id, Some told ->
                id <> told
                && Some id <> before.BusinessScopedId
                && Some id <> move.After.BusinessScopedId
            | _ -> false

        /// Who came to the phone after it was given up is somebody else.
        let hadPhone (row: KnownContact) =
            if isOwn row then
                not (isStranger row before.BusinessScopedId || KnownId.isNewer at row.Phone)
            else
                not (isLongAfter row.Phone at)

        /// Who was there before the move, under an id of which the move says nothing, had the phone before.
        let hasPhone (row: KnownContact) =
            not (isStranger row move.After.BusinessScopedId)
            && (if not (isOwn row) then
                    not (isLongAfter row.Phone at)
                else
                    row.BusinessScopedId.IsNone
                    || move.After.BusinessScopedId.IsSome
                    || KnownId.text row.BusinessScopedId = before.BusinessScopedId
                    || KnownId.isNewer (at - leeway) row.Phone)

        let found =
            [
                index.ByScopedId channel before.BusinessScopedId
                index.ByPhone channel before.Phone |> Option.filter hadPhone
                index.ByScopedId channel move.After.BusinessScopedId
                index.ByPhone channel move.After.Phone |> Option.filter hasPhone
            ]
            |> List.choose id

        let after =
            match index.ByPhone channel move.After.Phone with
            // Somebody else came to the number after this: it is theirs.
            | Some holder when isOwn holder && KnownId.isNewer at holder.Phone && not (hasPhone holder) -> {
                move.After with
                    Phone = None
              }
            | _ -> move.After

        let root =
            match found with
            | [] when after.BusinessScopedId.IsNone && after.Phone.IsNone ->
                index.Add salt channel at before.BusinessScopedId before.Phone None
            | [] -> index.Add salt channel at after.BusinessScopedId after.Phone None
            | first :: others ->
                (index.RootOf first, others)
                ||> List.fold (fun root other -> index.Merge at root (index.RootOf(index.Current other)))

        /// Whether another id of the kind is known to be newer, or this one to be given up since.
        let isOld (part: KnownContact -> KnownId option) (holder: KnownContact option) told =
            KnownId.text (part root) <> told
            && (KnownId.isNewer at (part root)
                || (part root |> Option.bind _.At) >= Some at
                   && holder
                      |> Option.exists (fun holder -> not (isOwn holder) && not (isAfter (part holder) at)))

        let phoneIsOld = isOld _.Phone (index.ByPhone channel after.Phone) after.Phone

        // The id of a number that was given up since went with it.
        let scopedIsOld =
            phoneIsOld
            || (KnownId.text root.Phone <> after.Phone && KnownId.isNewer at root.Phone)
            || isOld
                _.BusinessScopedId
                (index.ByScopedId channel after.BusinessScopedId)
                after.BusinessScopedId

        // Meta makes a new business-scoped id with a new number. Where it is not told, none is known that is not newer.
        let drops =
            after.Phone.IsSome
            && before.Phone <> after.Phone
            && not (KnownId.isNewer (at.AddTicks -1L) root.BusinessScopedId)

        let named isOld id = if isOld then None else id

        let root =
            index.Reach
                salt
                root
                at
                (named scopedIsOld after.BusinessScopedId)
                (named phoneIsOld after.Phone)
                (drops && after.BusinessScopedId.IsNone)

        // What is known to have been given up since.
        let until (known: KnownId option) (other: KnownId option) =
            known
            |> Option.bind _.At
            |> Option.orElse (other |> Option.bind _.At)
            |> Option.orElse (Some at)

        index.KeepFormer salt root (until root.BusinessScopedId root.Phone) after.BusinessScopedId None
        index.KeepFormer salt root (until root.Phone root.BusinessScopedId) None after.Phone
        index.KeepFormer salt root (Some at) before.BusinessScopedId before.Phone
        root

    /// Puts down what is known already.
    member _.Load(row: KnownContact) = index.Load row

    /// The contact that stands now for the row of that name.
    member _.Standing (channel: string) (customer: string) : KnownContact =
        index.RootOf(index.Row channel customer)

    /// The contact that stands for the person now, after everything that follows is put down. `salt` tells this
    /// delivery apart from all others.
    member _.See (salt: string) (channel: string) (at: DateTimeOffset) (sighting: Sighting) : KnownContact =
        match sighting with
        | Moved move -> index.Current(moved salt channel at move)
        | Wrote person ->
            let root = index.Current(wrote salt channel at person)

            if person.Name.IsSome && root.Name <> person.Name && not (isOlder root at) then
                index.Put { root with Name = person.Name }

            index.Current root

    /// The rows that were changed or added since the last call.
    member _.TakeChanges() : KnownContact list = index.TakeChanges()

    /// What was merged since the last call, in order.
    member _.TakeMerges() : Merge list = index.TakeMerges()
