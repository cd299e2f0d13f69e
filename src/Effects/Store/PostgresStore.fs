namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// The store in PostgreSQL, with what has to be closed after use.
[<NoComparison; NoEquality>]
type PostgresStore = {
    Port: StorePort
    /// The rows about customers' files.
    Files: FileRecordsPort
    /// PostgreSQL's clock. Whoever runs several nodes measures it before the port is used.
    Clock: DatabaseClock
    /// Closes the connections. Work that runs is waited for by its caller, not here.
    Close: unit -> Task
}

/// The store in PostgreSQL: event streams in Marten's layout, everything else in schema `bot`.
module PostgresStore =
    /// Opens no connection yet; the database must have been migrated (`Migrations.run`).
    /// `fold` is the pure step that rebuilds a session from its stream; it is only used where the saved
    /// session is missing, of another shape, or behind its stream. Of the world only the clock is used,
    /// put right by `Clock` once that has been measured.
    let create (settings: Settings) (fold: Session -> Event -> Session) (world: World) : PostgresStore =
        let source = Database.createSource settings
        let clock = DatabaseClock.create (DatabaseClock.ask source) world
        let memory: Sessions.Memory = Generations.create settings.KeptSessions

        {
            Port = {
                Receive = Receive.receive source clock.World
                Advance = Advance.advance source clock.World memory fold
                Claim = Outbox.claim source settings
                KeepLeases = Outbox.keep source
                Record = Outbox.record source
                FireTimers = Timers.fire source settings
                ReadStream = fun session -> Database.transact source (fun work -> Streams.read work session)
                Said = Said.read source
                Accounting = fun () -> Accounts.read source
                Reserve = Slots.reserve source
                ReportService = ServiceStates.report source
                ServiceStates = fun () -> ServiceStates.read source
                TakeProbe = ServiceStates.takeProbe source
                ResumeMessages = ServiceStates.resumeMessages source
                TakeTemplate = Waiting.takeTemplate source
                GiveBackTemplate = Waiting.giveBackTemplate source
                Forget = Forgetting.forget source
            }
            Files = FileRows.create source clock.World
            Clock = clock
            Close = fun () -> source.DisposeAsync().AsTask()
        }
