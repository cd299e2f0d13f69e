namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Effects

/// What operators do on the database, with or without a running bot. A database that cannot be reached or used is a
/// StoreUnavailable.
[<NoComparison; NoEquality>]
type Operations = {
    /// How the bot stands.
    Overview: unit -> Task<Overview>
    /// What was received, and how it ended.
    Accounting: unit -> Task<Accounting>
    /// Runs checks, those of the books on one snapshot; is told how many are done.
    Check: DatabaseCheck list -> (int64 -> unit) -> Task<CheckFinding list>
    ListInbound: InboundQuery -> Task<InboundEntry list>
    ShowInbound: int64 -> Task<InboundDetail option>
    /// The numbers of dead entries, oldest first.
    DeadInbound: DateTimeOffset option -> Task<int64 list>
    /// Puts a dead entry back to be decided, or reads its body again.
    RetryInbound: ChangeRequest -> int64 -> Task<ChangeOutcome>
    /// Says of a dead entry that nobody wants it any more.
    DropInbound: ChangeRequest -> int64 -> Task<ChangeOutcome>
    ListOutbox: OutboxQuery -> Task<OutboundCommand list>
    ShowOutbox: CommandName -> Task<OutboundDetail option>
    /// The numbers of commands (of one service) that ended dead since then, oldest first.
    DeadOutbox: DateTimeOffset option -> string option -> Task<int64 list>
    /// Runs a dead command again, or a waiting one now.
    RetryOutbox: ChangeRequest -> CommandName -> Task<ChangeOutcome>
    /// Ends an open command without effect.
    CancelOutbox: ChangeRequest -> CommandName -> Task<ChangeOutcome>
    /// Says how a send ended of which nobody knows it.
    SettleOutbox: ChangeRequest -> CommandName -> Settlement -> Task<ChangeOutcome>
    ListContacts: ContactQuery -> Task<ContactLine list>
    /// The contacts that the name leads to: one, or one for each channel.
    ShowContact: ContactName -> Task<ContactDetail list>
    /// Blocks a contact, or says what the customer wants to hear.
    ChangeContact: ChangeRequest -> ContactName -> ContactChange -> Task<ChangeOutcome>
    /// Closes the connections.
    Close: unit -> Task
}

/// The operations on PostgreSQL.
module Operations =
    /// PostgreSQL's own planner settings: what operators ask for goes through whole tables.
    let private createSource (connectionString: string) =
        let builder = NpgsqlConnectionStringBuilder connectionString
        builder.MaxPoolSize <- 2
        builder.CommandTimeout <- 600
        NpgsqlDataSource.Create builder

    /// Opens no connection yet; the database must have this build's schema. `readBody` reads webhook bodies again.
    let create
        (connectionString: string)
        (readBody: byte[] -> Result<Update list, string>)
        (world: World)
        : Operations =
        let source = createSource connectionString

        let change request verb (work: DateTimeOffset -> Work -> Task<string * ChangeOutcome>) =
            let now = world.Now()
            Changes.apply source now request verb (work now)

        {
            Overview = fun () -> Overviews.read source (world.Now())
            Accounting = fun () -> Accounts.read source
            Check = DatabaseChecks.run source
            ListInbound = InboxView.list source
            ShowInbound = InboxView.show source
            DeadInbound = InboxView.dead source
            RetryInbound =
                fun request id -> change request "inbound retry" (fun now -> InboxRetry.one readBody now id)
            DropInbound =
                fun request id -> change request "inbound drop" (fun _ -> InboxDrop.one id request.Reason)
            ListOutbox = OutboxView.list source
            ShowOutbox = OutboxView.show source
            DeadOutbox = OutboxView.dead source
            RetryOutbox =
                fun request name -> change request "outbox retry" (fun now -> OutboxChanges.retry now name)
            CancelOutbox =
                fun request name ->
                    change request "outbox cancel" (fun now -> OutboxChanges.cancel now name request.Reason)
            SettleOutbox =
                fun request name settlement ->
                    change request "outbox settle" (fun now -> OutboxChanges.settle now name settlement)
            ListContacts = ContactView.list source
            ShowContact = ContactView.show source
            ChangeContact =
                fun request name wanted ->
                    change request (ContactChange.verb wanted) (fun now ->
                        ContactChanges.one now request.Reason name wanted)
            Close = fun () -> source.DisposeAsync().AsTask()
        }
