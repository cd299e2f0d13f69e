namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Effects

/// How the bot stands, as its database tells.
type Overview = {
    /// When it was asked, UTC.
    At: DateTimeOffset
    Accounting: Accounting
    /// Open commands by service ("messaging", "assisting", "ticketing") and state.
    Open: Map<string * string, int64>
    /// How services stand, as nodes told last.
    Services: ServiceState list
    /// Saved sessions by phase ("conversing", "ticket", "with-agent", "closed").
    Sessions: Map<string, int64>
    /// PostgreSQL's own version, for example "15.18".
    DatabaseVersion: string
    DatabaseBytes: int64
    /// The newest entry of the inbox.
    LastReceived: DateTimeOffset option
    /// The newest event of any session.
    LastActivity: DateTimeOffset option
}

/// Reading how the bot stands.
module internal Overviews =
    let private openSql =
        "SELECT service, state, count(*) FROM bot.outbox GROUP BY service, state"

    let private sessionsSql = "SELECT phase, count(*) FROM bot.session GROUP BY phase"

    let private databaseSql =
        "SELECT current_setting('server_version'), pg_database_size(current_database()),
            (SELECT received_at FROM bot.inbox ORDER BY id DESC LIMIT 1),
            (SELECT timestamp FROM public.mt_events ORDER BY seq_id DESC LIMIT 1)"

    let read (source: NpgsqlDataSource) (now: DateTimeOffset) : Task<Overview> = task {
        let! accounting = Accounts.read source
        let! states = ServiceStates.read source

        let overview =
            ref {
                At = now
                Accounting = accounting
                Open = Map.empty
                Services = states
                Sessions = Map.empty
                DatabaseVersion = ""
                DatabaseBytes = 0L
                LastReceived = None
                LastActivity = None
            }

        let addOpen (reader: Data.Common.DbDataReader) =
            let name = reader.GetString 0, reader.GetString 1
            let counts = overview.Value.Open.Add(name, reader.GetInt64 2)
            overview.Value <- { overview.Value with Open = counts }

        let addSessions (reader: Data.Common.DbDataReader) =
            let counts = overview.Value.Sessions.Add(reader.GetString 0, reader.GetInt64 1)

            overview.Value <- {
                overview.Value with
                    Sessions = counts
            }

        let addDatabase (reader: Data.Common.DbDataReader) =
            let instant column =
                if reader.IsDBNull column then
                    None
                else
                    Some(Database.instantOf reader column)

            overview.Value <- {
                overview.Value with
                    DatabaseVersion = reader.GetString 0
                    DatabaseBytes = reader.GetInt64 1
                    LastReceived = instant 2
                    LastActivity = instant 3
            }

        do!
            Database.transact source (fun work -> task {
                do!
                    Database.run work [
                        Statement.create openSql [], addOpen
                        Statement.create sessionsSql [], addSessions
                        Statement.create databaseSql [], addDatabase
                    ]
            })

        return overview.Value
    }
