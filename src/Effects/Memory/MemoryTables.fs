namespace FunctionalBot.Effects.Memory

open System
open System.Collections.Generic
open FunctionalBot.Domain
open FunctionalBot.Effects

/// What the store knows of one customer of one channel.
type internal MemoryContact = {
    Channel: string
    Customer: CustomerId
    BusinessScopedId: string option
    Phone: string option
    Name: string option
    /// The contact that stands for this one now, see `ContactBook`.
    MergedInto: CustomerId option
    Language: Language option
    /// 0 before the first session.
    CurrentOrdinal: int
    /// When the newest session was begun; before the first, when the contact came to be known.
    LastActivity: DateTimeOffset
    OptedOut: bool
    Blocked: bool
}

/// An inbox entry that waits to be decided.
type internal WaitingEntry = {
    Entry: InboxEntry
    ReceivedAt: DateTimeOffset
    /// How often deciding failed while it was the first.
    Tries: int
}

/// How far a command is that has not ended.
type CommandState =
    /// Not before its time.
    | Ready
    /// Leased until its time.
    | Running
    /// A send whose outcome nobody knows; a status is waited for until its time.
    | Unknown
    /// Speech that may not be said until the customer writes.
    | Awaiting

/// A command that has not ended. What `Wake` means depends on the state.
type OpenCommand = {
    Command: Command
    Language: Language
    QueuedAt: DateTimeOffset
    State: CommandState
    /// The fence: a result counts only for the try with this number.
    Attempts: int
    /// How many of them were put off by ourselves.
    PutOffs: int
    Wake: DateTimeOffset
    DelayTold: bool
    Trace: string option
    /// When the customer wrote while this waited.
    Heard: DateTimeOffset option
    /// Since when a status says that the customer has to write first.
    Shut: DateTimeOffset option
}

/// Everything the store holds. Whoever touches it holds the store's lock.
type internal MemoryTables() =
    let contacts = Dictionary<struct (string * CustomerId), MemoryContact>()

    let book =
        ContactBook(fun struct (channel, customer) ->
            match contacts.TryGetValue(struct (channel, CustomerId customer)) with
            | true, contact when contact.CurrentOrdinal > 0 -> Some contact.LastActivity
            | _ -> None)

    let inbox = Dictionary<struct (string * string), int64>()

    let waiting =
        Dictionary<struct (string * CustomerId), SortedDictionary<int64, WaitingEntry>>()

    let endings = Dictionary<int64, Ending>()
    let streams = Dictionary<SessionId, ResizeArray<Event>>()
    let sessions = Dictionary<SessionId, Session>()
    let commands = Dictionary<CommandKey, Action>()
    let outbox = SortedDictionary<int64, OpenCommand>()
    let places = Dictionary<CommandKey, int64>()

    let sent = Dictionary<CommandKey, struct (OpenCommand * DateTimeOffset)>()
    let asked = Dictionary<struct (string * CustomerId), DateTimeOffset>()

    let timers =
        Dictionary<struct (SessionId * Timer), struct (DateTimeOffset * CommandKey)>()

    let saidWith = Dictionary<string, CommandKey>()
    let traces = Dictionary<string, string>()
    let tally = Dictionary<string, int64>()
    let mutable lastId = 0L

    member _.Contacts = contacts
    /// Who is who among them.
    member _.Book = book
    /// Each thing that happened, by source and source id, with its number.
    member _.Inbox = inbox
    /// By customer, then by number.
    member _.Waiting = waiting
    member _.Endings = endings
    member _.Streams = streams
    member _.Sessions = sessions
    /// Everything that was ever queued.
    member _.Commands = commands
    /// What has not ended, in the order of queueing.
    member _.Outbox = outbox
    /// Where in the outbox a command is.
    member _.Places = places
    /// What was said with a message, by Meta's id of it, once a status has told that.
    member _.SaidWith = saidWith
    /// Speech that ended as done, and when.
    member _.Sent = sent
    /// When customers were last asked by a template to write.
    member _.Asked = asked
    member _.Timers = timers
    /// Of entries that came with a trace, by what events name as their cause.
    member _.Traces = traces
    member _.Tally = tally

    member _.NextId() =
        lastId <- lastId + 1L
        lastId

    /// Adds to a counter; zero leaves no trace.
    member _.Count (what: string) (amount: int64) =
        if amount > 0L then
            match tally.TryGetValue what with
            | true, before -> tally[what] <- before + amount
            | false, _ -> tally[what] <- amount

    /// Takes one off a counter.
    member _.Uncount(what: string) =
        match tally.TryGetValue what with
        | true, 1L -> tally.Remove what |> ignore
        | true, before -> tally[what] <- before - 1L
        | false, _ -> invalidOp ("nothing was counted as " + what)

/// The inbox's part of the store.
module internal MemoryInbox =
    let private endingName ending =
        match ending with
        | Applied _ -> "applied"
        | Duplicate -> "duplicate"
        | Ignored _ -> "ignored"
        | Dead _ -> "dead"

    /// Counts one arrival; whether it is the first of its source id, and under which number it is kept.
    let private arrive (tables: MemoryTables) source sourceId =
        tables.Count "received" 1L

        if tables.Inbox.ContainsKey(struct (source, sourceId)) then
            tables.Count "duplicate" 1L
            None
        else
            let id = tables.NextId()
            tables.Inbox[struct (source, sourceId)] <- id
            Some id

    /// Adds what is to be decided for the customer.
    let add (tables: MemoryTables) receivedAt channel customer session source sourceId at trace fact =
        match arrive tables source sourceId with
        | None -> ()
        | Some id ->
            let key = struct (channel, customer)

            match tables.Waiting.TryGetValue key with
            | true, _ -> ()
            | false, _ -> tables.Waiting[key] <- SortedDictionary()

            let entry: InboxEntry = {
                Id = id
                Source = source
                SourceId = sourceId
                At = at
                Session = session
                Trace = trace
                Fact = fact
            }

            trace
            |> Option.iter (fun trace -> tables.Traces[Reception.causeOf entry] <- trace)

            tables.Waiting[key][id] <- {
                Entry = entry
                ReceivedAt = receivedAt
                Tries = 0
            }

    /// Adds a fact about a session: an outcome, a failed delivery, or a timer.
    let addAbout tables receivedAt (session: SessionId) source sourceId at trace fact =
        add tables receivedAt session.Channel session.Customer (Some session) source sourceId at trace fact

    /// Adds what ended when it arrived.
    let addEnded (tables: MemoryTables) source sourceId (ending: Ending) =
        match arrive tables source sourceId with
        | None -> ()
        | Some id ->
            tables.Endings[id] <- ending
            tables.Count (endingName ending) 1L

    /// Adds a status that only settles the outbox.
    let addSettled (tables: MemoryTables) source sourceId =
        if (arrive tables source sourceId).IsSome then
            tables.Count "settled" 1L

    /// Ends an entry that waited.
    let finish (tables: MemoryTables) key id (ending: Ending) =
        let waiting = tables.Waiting[key]

        if waiting.Remove id then
            tables.Endings[id] <- ending
            tables.Count (endingName ending) 1L

        if waiting.Count = 0 then
            tables.Waiting.Remove key |> ignore
