namespace FunctionalBot.Effects

open System
open System.Threading.Tasks
open FunctionalBot.Domain

// The port of everything durable, and what goes through it.

/// A webhook body as it came, and what was read in it.
type ReceivedBody = {
    Body: byte[]
    At: DateTimeOffset
    /// The W3C traceparent of the request; None where nobody traces.
    Trace: string option
    /// Ok with the updates in the order of the body; Error with why the body cannot be read. It is kept all
    /// the same, as an inbox row that ended dead.
    Updates: Result<Update list, string>
}

/// The times in bodies.
module ReceivedBody =
    /// Stands for a time that nobody can tell.
    let unknownTime = DateTimeOffset.UnixEpoch

    /// Clocks of senders may be ahead by so much.
    let private tolerance = TimeSpan.FromMinutes 1.

    /// The time by which something in the body is put in its order: the sender's, but that of the body's arrival
    /// where the sender's is unknown or still to come. Else a message without a time would be decided ahead of older
    /// ones that wait with it, and one from the year 2199 behind everything that its sender writes from now on.
    let timeOf (body: ReceivedBody) (at: DateTimeOffset) : DateTimeOffset =
        if at = unknownTime || at > body.At + tolerance then
            body.At
        else
            at

/// How an inbox entry ended.
type Ending =
    /// Its event has this version.
    | Applied of version: int64
    /// The same thing was taken in before.
    | Duplicate
    /// It changes nothing, for this reason.
    | Ignored of reason: string
    /// It cannot be handled, for this reason. It stays visible and can be run again.
    | Dead of reason: string

/// One thing that happened and waits to be decided.
type InboxEntry = {
    /// Order of arrival.
    Id: int64
    /// "whatsapp", "status", "command" or "timer".
    Source: string
    /// Unique within the source: a wamid, a command's key, a timer's name and time.
    SourceId: string
    At: DateTimeOffset
    /// The session that an outcome or a timer belongs to. None for what a customer did: that goes to the
    /// current one.
    Session: SessionId option
    /// The W3C traceparent of the request or command that it came from.
    Trace: string option
    Fact: Fact
}

/// One customer of one channel: what work is divided by.
type CustomerKey = {
    Channel: string
    Customer: CustomerId
}

/// What operators change of a contact by hand.
type ContactChange =
    /// Nothing that the customer does is answered any more.
    | Block
    | Unblock
    /// The customer wants to hear nothing of the bot's own accord.
    | OptOut
    | OptIn

/// The names of changes.
module ContactChange =
    /// The verb that asks for it, as the audit names it.
    let verb (change: ContactChange) : string =
        match change with
        | Block -> "contact block"
        | Unblock -> "contact unblock"
        | OptOut -> "contact opt-out"
        | OptIn -> "contact opt-in"

/// Everything that waits for one customer of one channel, with the sessions that it may concern.
type CustomerWork = {
    Channel: string
    Customer: Customer
    /// The language of the customer's last session, if there was one.
    Language: Language option
    /// The customer's newest session, if there is one.
    Current: Session option
    /// Older sessions that some entry names.
    Others: Map<SessionId, Session>
    /// The customer wants to hear nothing of the bot's own accord.
    OptedOut: bool
    /// An operator has blocked the customer: nothing that the customer does is answered.
    Blocked: bool
    /// In order: by time, then by arrival.
    Entries: InboxEntry list
}

/// What was decided for one customer; all of it is written in one transaction.
type CustomerDecision = {
    /// New events in order, each with its session's next version. More than one session may be among them.
    Events: Event list
    /// Each changed session once, as it is after its last event.
    Sessions: Session list
    /// Commands to queue. SetTimer and CancelTimer are applied in the same transaction instead.
    Commands: Command list
    /// Every entry of the work once.
    Endings: (int64 * Ending) list
}

/// A command that this node may run now.
type ClaimedCommand = {
    Command: Command
    /// The store's own number of the command.
    Place: int64
    Recipient: Recipient
    Language: Language
    /// 1 for the first try. The number is the fence: an outcome is only recorded for the try that is still
    /// leased.
    Attempt: int
    /// How many of the tries before this one were put off by ourselves and so do not count as tries.
    PutOffs: int
    /// When the command was queued.
    QueuedAt: DateTimeOffset
    /// A failure of the same command that was told already (so that a delay is told once).
    DelayTold: bool
    /// The W3C traceparent of what asked for it.
    Trace: string option
    /// When the customer was last heard, as far as the store knew when it handed this out (host's time).
    LastHeard: DateTimeOffset option
    /// A status said that the customer has to write first, and the customer was not heard since.
    IsShut: bool
}

/// What came of running a command.
type CommandResult =
    /// It took effect; the fact, if any, goes to the inbox in the same transaction.
    | Done of Fact option
    /// To be run again at this time. The fact, if any, goes to the inbox (told once).
    | RunAgain of at: DateTimeOffset * reason: string * Fact option
    /// It was not tried, for a reason of our own; to be run at this time, as if it had not been handed out.
    | PutOff of until: DateTimeOffset * reason: string
    /// A send whose outcome nobody knows: it waits until then for a status webhook, and is run again after.
    | Parked of until: DateTimeOffset * reason: string
    /// Nothing may be said until the customer writes. It keeps its place and waits for that, with everything that is
    /// said to the customer; it counts as no try. Where the customer was heard since it was handed out, it is due at
    /// once.
    | AwaitCustomer of reason: string
    /// It ended without effect. It stays visible and can be run again.
    | GivenUp of reason: string * Fact option

/// One round of deciding.
type AdvanceRequest = {
    /// Results to be recorded first, as `Record` does. The facts among them are decided in the same round
    /// where their customers can be had.
    Results: (ClaimedCommand * CommandResult) list
    /// Customers for whom something came in just now. They are looked at without a search. Where there are
    /// none, and no result has a fact, the store looks through all that waits, the oldest first.
    Known: CustomerKey list
    /// How many customers, at most.
    Most: int
    /// How many commands of each service the node takes on at once; none for a service that is not named.
    /// The others are queued for whoever claims them.
    Room: Map<Service, int>
    /// How long commands that are taken on belong to the node.
    Lease: TimeSpan
}

/// What a round of deciding did; all of it is committed.
type Advanced = {
    /// How many of the results were recorded.
    Recorded: int
    /// How many entries ended.
    Ended: int
    /// The new events, in order for each session.
    Events: Event list
    /// Commands of the decisions that belong to this node already, as if it had claimed them.
    Leased: ClaimedCommand list
    /// Services for which commands were queued that the node had no room for.
    Full: Set<Service>
    /// Customers who are told something else first: what they are told next waits to be claimed.
    Behind: CustomerKey list
    /// Customers for whom more may wait than one round takes.
    More: CustomerKey list
    /// Known customers for whom something waits and whom another worker holds at this moment.
    Busy: CustomerKey list
}

/// Results of commands.
module CommandResult =
    /// What the session hears of it.
    let fact (result: CommandResult) : Fact option =
        match result with
        | Done fact
        | RunAgain(_, _, fact)
        | GivenUp(_, fact) -> fact
        | PutOff _
        | Parked _
        | AwaitCustomer _ -> None

    /// The customers who have something to be decided once these are recorded.
    let customers (results: (ClaimedCommand * CommandResult) list) : CustomerKey list =
        results
        |> List.choose (fun (claimed, result) ->
            fact result
            |> Option.map (fun _ -> {
                Channel = claimed.Command.Key.Session.Channel
                Customer = claimed.Command.Key.Session.Customer
            }))
        |> List.distinct

/// What every store keeps to.
module StoreRules =
    /// So many entries of one customer are decided in one transaction.
    let mostEntries = 64

    /// After so many failures an entry ends dead and lets the ones behind it pass.
    let mostTries = 5

    /// Why nothing is sent to a customer whom an operator has blocked.
    let blockedReason = "the customer is blocked"

    /// Reading marks older than this are of no use: the answer is there, or the customer has long looked away.
    let markReadUseful = TimeSpan.FromMinutes 2.

    /// How often what WhatsApp refuses as too late is tried where its contact was merged into another: what the
    /// customer writes goes to that one now, so nothing would wake it. It ends as all that waits for its customer.
    let mergedIsTriedEvery = TimeSpan.FromHours 1.

    /// Why a message ended that waited for its customer.
    let customerStayedSilent =
        "the customer did not write for as long as messages are kept"

    /// What the session hears of such a message. The code is Meta's for what is said too late.
    let neverHeard (key: CommandKey) : Fact =
        DeliveryFailed(key, 131047, customerStayedSilent)

/// Counts that must fit together: what was received, and how it ended.
type Accounting = {
    Received: int64
    /// Ended by state: "applied", "duplicate", "ignored", "dead", "settled".
    Ended: Map<string, int64>
    Pending: int64
    /// When the oldest pending entry was received.
    OldestPending: DateTimeOffset option
    /// Commands by state: "ready", "running", "unknown", "waiting" (for the customer to write), "done", "dead", and
    /// "dropped" where a person gave one up.
    Commands: Map<string, int64>
    /// When the oldest command that has not ended was queued, of each service that has one, tried or not. What waits
    /// for its customer is not counted: nobody has to act.
    OldestOpen: Map<Service, DateTimeOffset>
    /// Timers that are set. Exact up to 10,000; beyond that PostgreSQL's own estimate, since counting a
    /// million would cost more than everything else here.
    Timers: int64
}

/// Why a stream cannot be folded: the stream, the version at which it breaks, and what is wrong there.
type StreamProblem = {
    Stream: string
    Version: int64
    Problem: string
}

/// Everything durable. A database that cannot be reached is an exception (`StoreUnavailable`), which the
/// web host answers with 503 and the engine waits out.
[<NoComparison; NoEquality>]
type StorePort = {
    /// Stores bodies with their updates in one commit. An update whose source id is known ends as duplicate.
    /// Returns the customers for whom something waits now.
    Receive: ReceivedBody list -> Task<CustomerKey list>
    /// Takes customers that have entries waiting and that no other worker holds, decides each with the
    /// function, and commits everything in one transaction. Where a customer wrote, what waited for that is due
    /// from then on. Commands that can run at once are leased to the
    /// node in the same transaction, which spares a claim for nearly all of them. Of the commands that speak
    /// to one customer only one is, and only when no other of that customer is open.
    Advance: AdvanceRequest -> (CustomerWork -> CustomerDecision) -> Task<Advanced>
    /// Leases up to `most` commands of one service that are due, for the span. Of the commands that speak
    /// to one customer only the oldest open one is handed out, and one at a time.
    Claim: Service -> int -> DateTimeOffset -> TimeSpan -> Task<ClaimedCommand list>
    /// Prolongs the leases of tries that still hold them. Returns the places of those.
    KeepLeases: ClaimedCommand list -> DateTimeOffset -> TimeSpan -> Task<int64 list>
    /// Records results of the tries that still hold their lease. Returns how many were recorded.
    Record: (ClaimedCommand * CommandResult) list -> DateTimeOffset -> Task<int>
    /// Turns up to `most` timers that are due into inbox entries. Returns whose they were.
    FireTimers: int -> DateTimeOffset -> Task<CustomerKey list>
    /// The events of a session in order, or what is wrong with the stream.
    ReadStream: SessionId -> Task<Result<Event list, StreamProblem>>
    /// What the bot said to the session's customer with this message. None where no status of it has come, or it is
    /// forgotten.
    Said: SessionId -> MessageId -> Task<Utterance option>
    Accounting: unit -> Task<Accounting>
    /// Takes slots for messages, in this order, from buckets that all nodes share, by the store's own
    /// clock. One answer for each.
    Reserve: PaceLimits -> SlotRequest list -> Task<Slot list>
    /// Keeps how a service stands, in place of what the same node (or, without a node, anyone) said before.
    ReportService: ServiceState -> Task
    /// How services stand, as it was reported last.
    ServiceStates: unit -> Task<ServiceState list>
    /// Takes the right to probe a service that is stopped for all nodes, if its probe is due now; the next
    /// one is due at the second time. True for one node only.
    TakeProbe: string -> DateTimeOffset -> DateTimeOffset -> Task<bool>
    /// Ends the stop that is kept under this name for all nodes: messages that were put off may be handed out at
    /// once.
    ResumeMessages: string -> DateTimeOffset -> Task
    /// Takes the right to ask the customer by a template to write, at the second time: true if none was sent since the
    /// customer was last heard, which was at the first time. Never for who opted out, is blocked, or is known by
    /// another contact now.
    TakeTemplate: CustomerKey -> DateTimeOffset option -> DateTimeOffset -> Task<bool>
    /// Gives that right back: nothing was sent.
    GiveBackTemplate: CustomerKey -> Task
    /// Deletes what ended longer ago than the span (at least 8 days for the inbox), up to `most` of each
    /// kind in one transaction, and gives up what has waited for its customer for as long, or was tried each hour
    /// for as long since its contact was merged. Returns how many rows went; 0 when there is nothing left to do, or
    /// while another node is at it.
    Forget: TimeSpan -> DateTimeOffset -> int -> Task<int>
}

/// The database cannot be reached or is not fit to be used. The message is for operators.
exception StoreUnavailable of message: string * inner: exn
