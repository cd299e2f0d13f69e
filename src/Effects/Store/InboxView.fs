namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql

/// One inbox entry with how it ended, for operators.
type InboundEntry = {
    Id: int64
    /// "whatsapp", "status", "command", "timer" or "webhook".
    Source: string
    SourceId: string
    /// The stream that an outcome or a timer belongs to.
    Session: string option
    /// The fact's type, where something is or was to be decided.
    Kind: string option
    At: DateTimeOffset
    ReceivedAt: DateTimeOffset
    /// "pending", "applied", "duplicate", "ignored", "dead", "dropped" or "settled"; "lost" must never be seen.
    State: string
    /// The version of its event, where it was applied.
    Version: int64 option
    Reason: string option
}

/// An entry with everything that is kept of it.
type InboundDetail = {
    Entry: InboundEntry
    Channel: string option
    Customer: string option
    /// How often deciding failed; None for what is not pending.
    Tries: int option
    EndedAt: DateTimeOffset option
    /// The row of bot.webhook that it came with.
    Webhook: int64 option
    Trace: string option
    /// JSON as it would lie in mt_events.data.
    Fact: string option
    /// The body that it came with, as received.
    Body: byte[] option
}

/// Which entries are wanted: newest first.
type InboundQuery = {
    State: string option
    /// Received then or later.
    Since: DateTimeOffset option
    Limit: int
}

/// Reading the inbox for operators.
module internal InboxView =
    let private narrowed (state: string option) =
        match state with
        | Some "dead" ->
            // Through the partial indexes; the view would go through all entries there ever were.
            " AND s.id IN (SELECT id FROM bot.inbox_end WHERE state = 'dead'
                UNION ALL SELECT id FROM bot.inbox WHERE ended = 'dead')"
        | Some "pending" -> " AND s.id IN (SELECT id FROM bot.inbox_pending)"
        | Some _
        | None -> ""

    let private listSql state =
        "SELECT s.id, s.source, s.source_id, s.session, s.kind, s.at, s.received_at, s.state, s.version, s.reason
        FROM bot.inbox_state s
        WHERE ($1 = '' OR s.state = $1) AND s.received_at >= $2"
        + narrowed state
        + " ORDER BY s.id DESC LIMIT $3"

    let private showSql =
        "SELECT s.id, s.source, s.source_id, s.session, s.kind, s.at, s.received_at, s.state, s.version, s.reason,
            i.channel, i.customer, p.tries, e.at, i.webhook, i.trace, i.fact::text, w.body
        FROM bot.inbox_state s JOIN bot.inbox i ON i.id = s.id
        LEFT JOIN bot.inbox_pending p ON p.id = s.id
        LEFT JOIN bot.inbox_end e ON e.id = s.id
        LEFT JOIN bot.webhook w ON w.id = i.webhook
        WHERE s.id = $1"

    let private deadSql =
        "SELECT i.id FROM bot.inbox i WHERE i.received_at >= $1 AND i.id IN (
            SELECT id FROM bot.inbox_end WHERE state = 'dead'
            UNION ALL SELECT id FROM bot.inbox WHERE ended = 'dead')
        ORDER BY i.id"

    let private optional (read: int -> 'value) (reader: Data.Common.DbDataReader) column =
        if reader.IsDBNull column then None else Some(read column)

    let private entryOf (reader: Data.Common.DbDataReader) : InboundEntry = {
        Id = reader.GetInt64 0
        Source = reader.GetString 1
        SourceId = reader.GetString 2
        Session = Database.textOrNone reader 3
        Kind = Database.textOrNone reader 4
        At = Database.instantOf reader 5
        ReceivedAt = Database.instantOf reader 6
        State = reader.GetString 7
        Version = optional reader.GetInt64 reader 8
        Reason = Database.textOrNone reader 9
    }

    let list (source: NpgsqlDataSource) (query: InboundQuery) : Task<InboundEntry list> =
        Database.transact source (fun work -> task {
            let found = ResizeArray()

            do!
                Database.run work [
                    Statement.create (listSql query.State) [
                        Statement.text (query.State |> Option.defaultValue "")
                        Statement.instant (query.Since |> Option.defaultValue DateTimeOffset.UnixEpoch)
                        Statement.int query.Limit
                    ],
                    (entryOf >> found.Add)
                ]

            return List.ofSeq found
        })

    let show (source: NpgsqlDataSource) (id: int64) : Task<InboundDetail option> =
        Database.transact source (fun work -> task {
            let found = ResizeArray()

            do!
                Database.run work [
                    Statement.create showSql [ Statement.bigint id ],
                    fun reader ->
                        found.Add {
                            Entry = entryOf reader
                            Channel = Database.textOrNone reader 10
                            Customer = Database.textOrNone reader 11
                            Tries = optional reader.GetInt32 reader 12
                            EndedAt = optional (Database.instantOf reader) reader 13
                            Webhook = optional reader.GetInt64 reader 14
                            Trace = Database.textOrNone reader 15
                            Fact = Database.textOrNone reader 16
                            Body = optional reader.GetFieldValue<byte[]> reader 17
                        }
                ]

            return Seq.tryHead found
        })

    /// The numbers of dead entries received since then, oldest first.
    let dead (source: NpgsqlDataSource) (since: DateTimeOffset option) : Task<int64 list> =
        Database.transact source (fun work -> task {
            let found = ResizeArray()

            do!
                Database.run work [
                    Statement.create deadSql [
                        Statement.instant (since |> Option.defaultValue DateTimeOffset.UnixEpoch)
                    ],
                    fun reader -> found.Add(reader.GetInt64 0)
                ]

            return List.ofSeq found
        })
