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

/// Who is who. The rules are here once, for every store: `ContactMessages` has those for messages, `ContactMoves` those
/// for notices of moves.
///
/// Ids that somebody gave up are kept in rows that point to the contact (`MergedInto`), so that what was written under
/// them and arrives late still finds its way, in whatever order things come. Two questions decide everything: whose was
/// an id at the time of the message, and is there something that is known to be newer. A business-scoped id is one
/// person's for ever; a phone may be somebody else's later, so a phone alone never makes one of two who have such ids.
///
/// `lastSession` tells when a contact's newest session was begun; None for one without sessions.
type internal ContactBook(lastSession: struct (string * string) -> DateTimeOffset option) =
    let index = ContactIndex lastSession

    /// Puts down what is known already.
    member _.Load(row: KnownContact) = index.Load row

    /// The contact that stands now for the row of that name.
    member _.Standing (channel: string) (customer: string) : KnownContact =
        index.RootOf(index.Row channel customer)

    /// The contact that stands for the person now, after everything that follows is put down. `salt` tells this
    /// delivery apart from all others.
    member _.See (salt: string) (channel: string) (at: DateTimeOffset) (sighting: Sighting) : KnownContact =
        match sighting with
        | Moved move -> index.Current(ContactMoves.take index salt channel at move)
        | Wrote person ->
            let root = index.Current(ContactMessages.take index salt channel at person)

            if
                person.Name.IsSome
                && root.Name <> person.Name
                && not (KnownContact.isOlder root at)
            then
                index.Put { root with Name = person.Name }

            index.Current root

    /// The rows that were changed or added since the last call.
    member _.TakeChanges() : KnownContact list = index.TakeChanges()

    /// What was merged since the last call, in order.
    member _.TakeMerges() : Merge list = index.TakeMerges()
