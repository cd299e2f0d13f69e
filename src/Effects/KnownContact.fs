namespace FunctionalBot.Effects

open System

/// An id by which somebody is reached, or was.
type internal KnownId = {
    Id: string
    /// By the sender's clock, UTC. In a contact of its own: since when it is known to be the person's. In one that
    /// points to another: until when it was. None where nobody noted it.
    At: DateTimeOffset option
}

/// One row of the contacts, as far as finding people goes. Each id stands in one row of a channel at most.
type internal KnownContact = {
    Channel: string
    /// The key that sessions, entries and commands name. It never changes.
    Customer: string
    BusinessScopedId: KnownId option
    Phone: KnownId option
    Name: string option
    /// The contact that stands for this one now, which points to no other itself.
    MergedInto: string option
}

/// Ids with their times.
module internal KnownId =
    /// The id alone.
    let text (known: KnownId option) : string option = known |> Option.map _.Id

    /// Whether it is known since after this time.
    let isNewer (at: DateTimeOffset) (known: KnownId option) : bool =
        known |> Option.bind _.At |> Option.exists (fun since -> since > at)

    /// Of two, the one that is known of last.
    let newest (first: KnownId option) (second: KnownId option) : KnownId option =
        match first, second with
        | Some one, Some other -> if other.At > one.At then second else first
        | None, known
        | known, None -> known

    /// What is sent within minutes of a change may still bear the id of before.
    let leeway = TimeSpan.FromMinutes 5.

    /// Whether an id that was given up is not known to have been valid at this time still.
    let isAfter (former: KnownId option) (at: DateTimeOffset) : bool =
        former |> Option.bind _.At |> Option.forall (fun until -> at > until)

    /// Whether it is known to have been given up before this time, and what was under way then has arrived.
    let isLongAfter (former: KnownId option) (at: DateTimeOffset) : bool =
        former |> Option.bind _.At |> Option.exists (fun until -> at > until + leeway)

/// Rows of contacts.
module internal KnownContact =
    /// Whether the row is a contact of its own, and points to no other.
    let isOwn (row: KnownContact) : bool = row.MergedInto.IsNone

    /// Whether an id of the contact is known since after this time.
    let isOlder (row: KnownContact) (at: DateTimeOffset) : bool =
        KnownId.isNewer at row.BusinessScopedId || KnownId.isNewer at row.Phone
