namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Something that tells who somebody is, as it can be stored.
type internal SightedPerson = {
    Channel: string
    /// The sender's time.
    At: DateTimeOffset
    Sighting: Sighting
}

/// Who wrote: the customers of what came in, with what it tells of them written down.
module internal Contacts =
    /// A person as it can be stored, even if no id is left.
    let private fit (person: Person) : Person =
        let name text =
            if String.IsNullOrWhiteSpace text then
                None
            else
                Some(StoredText.name text)

        {
            BusinessScopedId = Option.bind name person.BusinessScopedId
            Phone = Option.bind name person.Phone
            Name = person.Name |> Option.map StoredText.clean
        }

    /// Whom an update tells of, as it can be stored. None where it tells of nobody.
    let sighted (body: ReceivedBody) (update: Update) : SightedPerson option =
        let seen channel at sighting =
            Sighting.fitting fit sighting
            |> Option.map (fun sighting -> {
                Channel = channel
                At = ReceivedBody.timeOf body at
                Sighting = sighting
            })

        match update with
        | CustomerDid(channel, person, _, at, _) -> seen channel at (Wrote person)
        | PersonMoved(channel, move, _, at) -> seen channel at (Moved move)
        | StatusCame _
        | NothingToDo _
        | NotUnderstood _ -> None

    /// The same for each update of these bodies, in order.
    let sightedIn (bodies: ReceivedBody list) : SightedPerson list =
        bodies
        |> List.collect (fun body ->
            match body.Updates with
            | Ok updates -> updates |> List.choose (sighted body)
            | Error _ -> [])

    let private peopleOf (seen: SightedPerson list) =
        seen
        |> List.collect (fun seen ->
            match seen.Sighting with
            | Wrote person -> [ seen.Channel, { person with Name = None } ]
            | Moved move -> [ seen.Channel, move.Before; seen.Channel, move.After ])
        |> List.distinct

    /// What is to be written, by what it needs.
    type private Outcome = {
        Customers: Customer list
        Renamed: KnownContact list
        /// Rows whose ids change: these must be locked.
        Moving: KnownContact list
        Fresh: KnownContact list
        Merges: Merge list
    }

    /// The existing contacts that must be locked.
    let private touched (loaded: LoadedContacts) (outcome: Outcome) =
        [
            for row in outcome.Moving do
                row.Channel, row.Customer
            for row in outcome.Fresh do
                // What points to a contact must not be left behind when that one is merged at the same moment.
                match row.MergedInto with
                | Some into -> row.Channel, into
                | None -> ()
        ]
        |> List.filter (fun (channel, customer) -> loaded.Rows.ContainsKey(struct (channel, customer)))

    let private work (loaded: LoadedContacts) (digest: string) (seen: SightedPerson list) : Outcome =
        let book =
            ContactBook(fun key ->
                match loaded.LastSessions.TryGetValue key with
                | true, begun -> Some begun
                | false, _ -> None)

        for row in loaded.Rows.Values do
            book.Load row

        let roots =
            seen
            |> List.map (fun seen ->
                (book.See (digest.Substring(0, 12)) seen.Channel seen.At seen.Sighting).Customer)

        let customer (seen: SightedPerson) (root: string) : Customer =
            let row = book.Standing seen.Channel root

            {
                Id = CustomerId row.Customer
                Phone = KnownId.text row.Phone
                Name = row.Name
            }

        let changed = book.TakeChanges()

        let before (row: KnownContact) =
            match loaded.Rows.TryGetValue(struct (row.Channel, row.Customer)) with
            | true, before -> Some before
            | false, _ -> None

        let existing, fresh = changed |> List.partition (before >> Option.isSome)
        let existing = existing |> List.filter (fun row -> before row <> Some row)

        let renamed, moving =
            existing
            |> List.partition (fun row ->
                before row |> Option.map (fun before -> { before with Name = row.Name }) = Some row)

        {
            Customers = List.map2 customer seen roots
            Renamed = List.sort renamed
            Moving = List.sort moving
            Fresh = fresh
            Merges = book.TakeMerges()
        }

    /// Finds the customer of each, in order, as it is after all of them; writes new and changed contacts. `digest`
    /// tells this delivery apart from all others.
    /// Contacts whose ids change are locked first, in the order of their keys, and read again: what is decided at the
    /// same moment is waited for. A message of somebody known locks and writes nothing.
    let resolve
        (transaction: Work)
        (now: DateTimeOffset)
        (digest: string)
        (seen: SightedPerson list)
        : Task<Customer list> =
        let people = peopleOf seen

        let rec go (locked: Set<string * string>) = task {
            let! loaded = ContactRows.load transaction people (not locked.IsEmpty)
            let outcome = work loaded digest seen
            let missing = Set.difference (Set.ofList (touched loaded outcome)) locked

            if missing.IsEmpty then
                do!
                    ContactRows.write
                        transaction
                        now
                        outcome.Renamed
                        outcome.Moving
                        outcome.Fresh
                        outcome.Merges

                return outcome.Customers
            else
                do! ContactRows.lock transaction missing
                return! go (Set.union locked missing)
        }

        go Set.empty
