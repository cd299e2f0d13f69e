namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql

/// One command with where it stands, for operators.
type OutboundCommand = {
    Id: int64
    /// `session/version/ordinal`: the name that the command has everywhere.
    Key: string
    /// "say", "mark-read", "ask-assistant", "create-ticket", "add-to-ticket" and so on: `CommandKind.queued`.
    Kind: string
    /// "messaging", "assisting" or "ticketing"; None for what has ended.
    Service: string option
    /// "ready", "running", "unknown", "waiting" (for the customer to write), "done", "dead" or "dropped"; "lost" must
    /// never be seen.
    State: string
    Attempts: int
    QueuedAt: DateTimeOffset
    /// ready: not before; running: end of the lease; unknown: how long a status is waited for; waiting: None.
    Wake: DateTimeOffset option
    EndedAt: DateTimeOffset option
    Reason: string option
}

/// A command with everything that is kept of it.
type OutboundDetail = {
    Command: OutboundCommand
    Language: string
    Trace: string option
    /// JSON of the action.
    Payload: string
}

/// Which commands are wanted: open and dead ones, or those that were dropped; newest first.
type OutboxQuery = {
    State: string option
    Service: string option
    Limit: int
}

/// A command by its key, or by its number.
type CommandName =
    | ByKey of string
    | ByNumber of int64

/// Reading the outbox for operators.
module internal OutboxView =
    let private columns =
        "c.id, c.key, c.kind, o.service, coalesce(e.state, o.state, 'lost'),
            coalesce(o.attempts, e.attempts, 0), c.queued_at, CASE WHEN o.state <> 'waiting' THEN o.wake END,
            e.at, coalesce(e.reason, o.reason)"

    let private joins =
        " FROM bot.command c LEFT JOIN bot.outbox o ON o.id = c.id LEFT JOIN bot.command_end e ON e.id = c.id"

    let private listSql =
        "SELECT "
        + columns
        + joins
        + " WHERE c.id IN (SELECT id FROM bot.outbox WHERE $1 = '' OR state = $1
                UNION ALL SELECT id FROM bot.command_end WHERE state = 'dead' AND $1 IN ('', 'dead')
                UNION ALL SELECT id FROM bot.command_end WHERE state = 'dropped' AND $1 = 'dropped')
            AND ($2 = '' OR $2 = "
        + Queueing.serviceOf "c.kind"
        + ") ORDER BY c.id DESC LIMIT $3"

    let private showSql =
        "SELECT "
        + columns
        + ", c.language, c.trace, c.payload::text"
        + joins
        + " WHERE c.id = $1 OR ($1 = 0 AND c.key = $2)"

    let private deadSql =
        "SELECT e.id FROM bot.command_end e JOIN bot.command c ON c.id = e.id
        WHERE e.state = 'dead' AND e.at >= $1 AND ($2 = '' OR $2 = "
        + Queueing.serviceOf "c.kind"
        + ") ORDER BY e.id"

    let private commandOf (reader: Data.Common.DbDataReader) : OutboundCommand =
        let instant column =
            if reader.IsDBNull column then
                None
            else
                Some(Database.instantOf reader column)

        {
            Id = reader.GetInt64 0
            Key = reader.GetString 1
            Kind = reader.GetString 2
            Service = Database.textOrNone reader 3
            State = reader.GetString 4
            Attempts = reader.GetInt32 5
            QueuedAt = Database.instantOf reader 6
            Wake = instant 7
            EndedAt = instant 8
            Reason = Database.textOrNone reader 9
        }

    /// Parameters by which a statement finds a command: its number, else 0 and its key.
    let named name =
        match name with
        | ByNumber id -> [ Statement.bigint id; Statement.text "" ]
        | ByKey key -> [ Statement.bigint 0L; Statement.text key ]

    let list (source: NpgsqlDataSource) (query: OutboxQuery) : Task<OutboundCommand list> =
        Database.transact source (fun work -> task {
            let found = ResizeArray()

            do!
                Database.run work [
                    Statement.create listSql [
                        Statement.text (query.State |> Option.defaultValue "")
                        Statement.text (query.Service |> Option.defaultValue "")
                        Statement.int query.Limit
                    ],
                    (commandOf >> found.Add)
                ]

            return List.ofSeq found
        })

    let show (source: NpgsqlDataSource) (name: CommandName) : Task<OutboundDetail option> =
        Database.transact source (fun work -> task {
            let found = ResizeArray()

            do!
                Database.run work [
                    Statement.create showSql (named name),
                    fun reader ->
                        found.Add {
                            Command = commandOf reader
                            Language = reader.GetString 10
                            Trace = Database.textOrNone reader 11
                            Payload = reader.GetString 12
                        }
                ]

            return Seq.tryHead found
        })

    /// The numbers of commands of a service that ended dead since then, oldest first.
    let dead
        (source: NpgsqlDataSource)
        (since: DateTimeOffset option)
        (service: string option)
        : Task<int64 list> =
        Database.transact source (fun work -> task {
            let found = ResizeArray()

            do!
                Database.run work [
                    Statement.create deadSql [
                        Statement.instant (since |> Option.defaultValue DateTimeOffset.UnixEpoch)
                        Statement.text (service |> Option.defaultValue "")
                    ],
                    fun reader -> found.Add(reader.GetInt64 0)
                ]

            return List.ofSeq found
        })
