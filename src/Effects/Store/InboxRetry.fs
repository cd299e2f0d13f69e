namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open FunctionalBot.Effects

/// Putting entries that ended dead back to be decided.
module internal InboxRetry =
    /// The row is locked first and read by a statement of its own: what another transaction ended or put back meanwhile
    /// is seen then.
    let private lockSql = "SELECT 1 FROM bot.inbox WHERE id = $1 FOR UPDATE"

    let private standingSql =
        "SELECT s.state, i.ended IS NOT NULL, s.version, i.source, i.source_id, i.received_at, i.webhook, w.body,
            i.kind, i.fact::text
        FROM bot.inbox_state s JOIN bot.inbox i ON i.id = s.id LEFT JOIN bot.webhook w ON w.id = i.webhook
        WHERE s.id = $1"

    let private backSql =
        "WITH gone AS (
            DELETE FROM bot.inbox_end WHERE id = $1 AND state = 'dead' RETURNING id, at),
        queued AS (
            INSERT INTO bot.inbox_pending (id, channel, customer, at, received_at)
            SELECT i.id, i.channel, i.customer, i.at, i.received_at FROM gone JOIN bot.inbox i ON i.id = gone.id),
        taken AS ("
        + Untally.each "SELECT at, 'dead' FROM gone"
        + ") SELECT id FROM gone"

    /// Where an entry stands.
    [<NoComparison>]
    type private Standing =
        | Arrived of Arrived
        /// It ended on arrival, and its body is not kept.
        | BodyGone
        /// It was decided dead; its kind and fact.
        | Decided of kind: string * fact: string
        | Other of state: string * version: int64 option

    let private standing (work: Work) (id: int64) : Task<Standing option> = task {
        let found = ResizeArray()

        do!
            Database.run work [
                Statement.create lockSql [ Statement.bigint id ], Database.ignoreRows
                Statement.create standingSql [ Statement.bigint id ],
                fun reader ->
                    let state = reader.GetString 0

                    match state, reader.GetBoolean 1 with
                    | ("dead" | "ignored"), true when reader.IsDBNull 6 || reader.IsDBNull 7 -> BodyGone
                    | ("dead" | "ignored"), true ->
                        Arrived {
                            Id = id
                            Source = reader.GetString 3
                            SourceId = reader.GetString 4
                            Ended = state
                            ReceivedAt = Database.instantOf reader 5
                            Webhook = reader.GetInt64 6
                            Body = reader.GetFieldValue<byte[]> 7
                        }
                    | "dead", false -> Decided(reader.GetString 8, reader.GetString 9)
                    | _ -> Other(state, (if reader.IsDBNull 2 then None else Some(reader.GetInt64 2)))
                    |> found.Add
            ]

        return Seq.tryHead found
    }

    let private putBack (work: Work) (id: int64) : Task<ChangeOutcome> = task {
        let found = ResizeArray()

        do!
            Database.run work [
                Statement.create backSql [ Statement.bigint id ], (fun reader -> found.Add(reader.GetInt64 0))
            ]

        return
            if found.Count = 1 then
                Changed "it waits to be decided again"
            else
                NotAllowed "somebody else put it back at this moment"
    }

    /// Puts one entry back. What was applied, ignored or found to be a duplicate by a decision stays so.
    let one
        (readBody: byte[] -> Result<Update list, string>)
        (now: DateTimeOffset)
        (id: int64)
        (work: Work)
        : Task<string * ChangeOutcome> = task {
        let! standing = standing work id

        let! outcome =
            match standing with
            | None -> Task.FromResult NotFound
            | Some(Arrived arrived) -> InboxReread.run work now readBody arrived
            | Some BodyGone ->
                Task.FromResult(
                    NotAllowed "it ended when it arrived, and the body that it came with is not kept any more"
                )
            | Some(Decided(kind, fact)) ->
                match Codec.read kind fact with
                | Ok _ -> putBack work id
                | Error reason ->
                    Task.FromResult(
                        Unchanged("this build cannot read it, so it would end dead again: " + reason)
                    )
            | Some(Other("pending", _)) ->
                Task.FromResult(NotAllowed "it waits to be decided already; a running bot takes it")
            | Some(Other(state, Some version)) ->
                Task.FromResult(NotAllowed $"it was decided: %s{state} at version %d{version}")
            | Some(Other(state, None)) -> Task.FromResult(NotAllowed $"it was decided: %s{state}")

        return $"inbox %d{id}", outcome
    }
