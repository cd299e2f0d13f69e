namespace FunctionalBot.Effects

open System
open KnownContact

/// Who wrote, by the ids that a message bears, and what it tells of them.
module internal ContactMessages =
    /// Whether whoever had the phone at this time is the contact of the row: one that has no other id, or had the
    /// phone.
    let private isPhoneAlone (index: ContactIndex) (holder: KnownContact) at =
        if isOwn holder then
            holder.BusinessScopedId.IsNone
        else
            not (KnownId.isLongAfter holder.Phone at)
            && not (index.HasScopedId(index.RootOf holder))

    /// The contact had this phone at this time, and no other contact has it: it is reached by it, unless a newer one is
    /// known.
    let private hadThen
        (index: ContactIndex)
        salt
        (root: KnownContact)
        (at: DateTimeOffset)
        (phone: string option)
        : KnownContact =
        match index.ByPhone root.Channel phone with
        | _ when not (KnownId.isNewer at root.Phone) -> index.Reach salt root at None phone false
        | Some former when not (isOwn former) && former.MergedInto = Some root.Customer ->
            if (former.Phone |> Option.bind _.At).IsSome && KnownId.isAfter former.Phone at then
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
    let private hadLonger (root: KnownContact) (former: KnownContact) (at: DateTimeOffset) =
        not (isOwn former)
        && (KnownId.isAfter former.Phone at || (root.Phone |> Option.bind _.At) < Some at)

    /// What a message of the contact says of its phone.
    let private namesPhone (index: ContactIndex) salt (root: KnownContact) at phone : KnownContact =
        let take () = hadThen index salt root at phone

        match index.ByPhone root.Channel phone with
        | _ when phone.IsNone || KnownId.text root.Phone = phone -> root
        | None -> take ()
        | Some holder when (index.RootOf holder).Customer = root.Customer ->
            if hadLonger root holder at then take () else root
        | Some holder when isPhoneAlone index holder at ->
            let root =
                if KnownId.isNewer at root.Phone then
                    root
                else
                    index.Reach salt root at None phone false

            index.Merge at root (index.RootOf(index.Current holder))
        // It belongs to somebody with another id: to the one of whom it was said last.
        | Some holder when isOwn holder -> if KnownId.isNewer at holder.Phone then root else take ()
        | Some holder ->
            if KnownId.isLongAfter holder.Phone at then
                take ()
            else
                root

    /// An older message, under an id that was given up since: what it names beside was that person's then too.
    let private wroteFormerly (index: ContactIndex) salt (former: KnownContact) at phone : KnownContact =
        let root = index.RootOf former

        match index.ByPhone former.Channel phone with
        | Some holder when (index.RootOf holder).Customer <> root.Customer && isPhoneAlone index holder at ->
            index.Merge at root (index.RootOf holder)
        | Some holder when
            root.Phone.IsSome
            && (index.RootOf holder).Customer = root.Customer
            && hadLonger root holder at
            ->
            hadThen index salt root at phone
        | Some _ -> root
        | None when root.Phone.IsSome -> hadThen index salt root at phone
        // The id was given up since; whether the phone was, is not known.
        | None ->
            index.KeepFormer salt root None None phone
            root

    /// Whether a message under an id that was given up says that it is valid again: it is newer than that, and no other
    /// number, with which Meta makes another id, is known to be newer still.
    let private isNews (index: ContactIndex) (former: KnownContact) at (phone: string option) =
        let root = index.RootOf former

        KnownId.isAfter former.BusinessScopedId at
        && (KnownId.text root.Phone = phone || not (KnownId.isNewer at root.Phone))

    /// The contact that stands for who wrote, after everything that follows is put down. `salt` tells this delivery
    /// apart from all others.
    let take (index: ContactIndex) salt channel (at: DateTimeOffset) (person: Person) : KnownContact =
        let scoped, phone = person.BusinessScopedId, person.Phone

        match index.ByScopedId channel scoped, index.ByPhone channel phone with
        | Some former, _ when not (isOwn former) && not (isNews index former at phone) ->
            wroteFormerly index salt former at phone
        | Some found, _ ->
            let root = index.RootOf found

            let root =
                if KnownId.text root.BusinessScopedId = scoped then
                    root
                else
                    index.Reach salt root at scoped None false

            namesPhone index salt root at phone
        | None, None -> index.Add salt channel at scoped phone person.Name
        | None, Some holder when isOwn holder && scoped.IsNone -> holder
        | None, Some holder when isOwn holder && holder.BusinessScopedId.IsNone ->
            index.Reach salt holder at scoped phone false
        // The phone belongs to another account: that is another person.
        | None, Some holder when isOwn holder ->
            let phone = if KnownId.isNewer at holder.Phone then None else phone

            index.Add salt channel at scoped phone person.Name
        | None, Some former when KnownId.isLongAfter former.Phone at ->
            index.Add salt channel at scoped phone person.Name
        | None, Some former when scoped.IsNone -> index.RootOf former
        | None, Some former when isPhoneAlone index former at ->
            let root = index.RootOf former
            index.KeepFormer salt root (former.Phone |> Option.bind _.At) scoped None
            root
        | None, Some former ->
            let phone =
                if (former.Phone |> Option.bind _.At).IsNone then
                    phone
                else
                    None

            index.Add salt channel at scoped phone person.Name
