namespace FunctionalBot.Effects

open System
open KnownContact

/// Who has moved, by the ids of before and after that a notice names, and what it tells of them.
module internal ContactMoves =
    /// Whether a row's business-scoped id speaks against its being this person's, who had or has the one told.
    let private isStranger (move: PersonMove) (row: KnownContact) (told: string option) =
        match KnownId.text row.BusinessScopedId, told with
        | Some id, Some told ->
            id <> told
            && Some id <> move.Before.BusinessScopedId
            && Some id <> move.After.BusinessScopedId
        | _ -> false

    let private namesNoId (move: PersonMove) =
        move.Before.BusinessScopedId.IsNone && move.After.BusinessScopedId.IsNone

    /// A former phone is the person's where it was valid then, and nobody else may have had it then: nobody who has
    /// ids of which a notice that names some says nothing.
    let private mayHaveHad (index: ContactIndex) (move: PersonMove) at (former: KnownContact) =
        (former.Phone |> Option.bind _.At).IsSome
        && not (KnownId.isLongAfter former.Phone at)
        && (namesNoId move || not (index.HasScopedId(index.RootOf former)))

    /// Who came to the phone after it was given up is somebody else.
    let private hadPhone index (move: PersonMove) at (row: KnownContact) =
        if isOwn row then
            not (isStranger move row move.Before.BusinessScopedId || KnownId.isNewer at row.Phone)
        else
            mayHaveHad index move at row

    /// Who was there before the move, under an id of which the move says nothing, had the phone before.
    let private hasPhone index (move: PersonMove) (at: DateTimeOffset) (row: KnownContact) =
        not (isStranger move row move.After.BusinessScopedId)
        && (if not (isOwn row) then
                mayHaveHad index move at row
            else
                row.BusinessScopedId.IsNone
                || move.After.BusinessScopedId.IsSome
                || KnownId.text row.BusinessScopedId = move.Before.BusinessScopedId
                || KnownId.isNewer (at - KnownId.leeway) row.Phone)

    /// Whether the contact has the new id, and only since the move, so that it may be whoever had the number before.
    let private isNewId (move: PersonMove) (at: DateTimeOffset) (row: KnownContact) =
        let isSinceBefore =
            row.BusinessScopedId
            |> Option.bind _.At
            |> Option.exists (fun since -> since < at - KnownId.leeway)

        move.Before.BusinessScopedId.IsNone
        && KnownId.text row.BusinessScopedId = move.After.BusinessScopedId
        && not isSinceBefore

    /// Those whom the notice names by a business-scoped id are one. Who is only reached by a phone of it is another
    /// person where both have such ids, unless it names none, or a new one alone.
    let private join (index: ContactIndex) move at (root: KnownContact) (other: KnownContact, isNamed: bool) =
        let root, other = index.Current root, index.RootOf(index.Current other)

        if
            isNamed
            || namesNoId move
            || isNewId move at root
            || not (index.HasScopedId root && index.HasScopedId other)
        then
            index.Merge at root other
        else
            root

    /// Whom the notice tells of, the one of before first; and whether it names them by a business-scoped id.
    let private found (index: ContactIndex) channel (move: PersonMove) at : (KnownContact * bool) list =
        let rooted isNamed (row: KnownContact option) =
            row |> Option.map (fun row -> index.RootOf row, isNamed)

        let had =
            index.ByPhone channel move.Before.Phone
            |> Option.filter (hadPhone index move at)

        let has =
            index.ByPhone channel move.After.Phone |> Option.filter (hasPhone index move at)

        [
            index.ByScopedId channel move.Before.BusinessScopedId |> rooted true
            index.ByScopedId channel move.After.BusinessScopedId |> rooted true
            had |> rooted false
            has |> rooted false
        ]
        |> List.choose id

    /// The contact that stands for the person now, after everything that follows is put down. `salt` tells this
    /// delivery apart from all others.
    let take (index: ContactIndex) salt channel (at: DateTimeOffset) (move: PersonMove) : KnownContact =
        let before = move.Before

        let after =
            match index.ByPhone channel move.After.Phone with
            // Somebody else came to the number after this: it is theirs.
            | Some holder when
                isOwn holder
                && KnownId.isNewer at holder.Phone
                && not (hasPhone index move at holder)
                  ->
                  { move.After with Phone = None }
            | _ -> move.After

        let root =
            match found index channel move at with
            | [] when after.BusinessScopedId.IsNone && after.Phone.IsNone ->
                index.Add salt channel at before.BusinessScopedId before.Phone None
            | [] -> index.Add salt channel at after.BusinessScopedId after.Phone None
            | (first, _) :: others -> List.fold (join index move at) first others

        /// Whether another id of the kind is known to be newer, or this one to be given up since.
        let isOld (part: KnownContact -> KnownId option) (holder: KnownContact option) told =
            KnownId.text (part root) <> told
            && (KnownId.isNewer at (part root)
                || (part root |> Option.bind _.At) >= Some at
                   && holder
                      |> Option.exists (fun holder ->
                          not (isOwn holder) && not (KnownId.isAfter (part holder) at)))

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

        /// Until when a former id was valid, where the notice says it better than what is known.
        let noteUntil (until: DateTimeOffset option) (row: KnownContact option) =
            match row with
            | Some row when
                not (isOwn row)
                && row.MergedInto = Some root.Customer
                && KnownId.isAfter row.Phone at
                ->
                index.Put {
                    row with
                        Phone = row.Phone |> Option.map (fun known -> { known with At = until })
                }
            | _ -> ()

        // What is known to have been given up since.
        let until (known: KnownId option) (other: KnownId option) =
            known
            |> Option.bind _.At
            |> Option.orElse (other |> Option.bind _.At)
            |> Option.orElse (Some at)

        index.KeepFormer salt root (until root.BusinessScopedId root.Phone) after.BusinessScopedId None
        index.KeepFormer salt root (until root.Phone root.BusinessScopedId) None after.Phone
        index.KeepFormer salt root (Some at) before.BusinessScopedId before.Phone

        if before.Phone <> move.After.Phone then
            noteUntil (Some at) (index.ByPhone channel before.Phone)
            noteUntil (until root.Phone root.BusinessScopedId) (index.ByPhone channel after.Phone)

        root
