namespace FunctionalBot.Effects.Store

open System
open System.Collections.Generic
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Statuses that say of sends, accepted before, that the customer has to write first. Such a send is not lost: it is
/// handed out once more, marked so that it is not sent but waits for its customer; where something waits for that
/// customer already, it waits with it. The customers concerned are held meanwhile, as `Waiting` says.
[<NoComparison>]
type internal LateRefusals = {
    /// Commands whose session hears nothing: they go on being open, or a later try of theirs was accepted.
    Kept: HashSet<int64>
    /// Those that had ended as done: the number, and when it was refused.
    Ended: (int64 * DateTimeOffset) list
    /// Those that are open, tried and not known to wait.
    Open: (int64 * DateTimeOffset) list
}

/// Finding and writing them.
module internal LateRefusals =
    let none () : LateRefusals = {
        Kept = HashSet()
        Ended = []
        Open = []
    }

    /// Open rows are locked first, ends by a statement of its own after that: a result that was just being recorded
    /// makes the one out of the other, and is seen then.
    let private lockOpenSql =
        "SELECT id, state, attempts FROM bot.outbox
        WHERE id = ANY ($1) AND speaks AND attempts > 0 ORDER BY id FOR UPDATE"

    let private lockEndsSql =
        "SELECT id, attempts, at FROM bot.command_end WHERE id = ANY ($1) AND state = 'done' ORDER BY id FOR UPDATE"

    let private knownSql =
        "SELECT source_id FROM bot.inbox WHERE source = 'status' AND source_id = ANY ($1)"

    let private isAwaited (row: string) =
        $"EXISTS (SELECT 1 FROM bot.outbox w
            WHERE w.state = 'waiting' AND w.channel = %s{row}.channel AND w.customer = %s{row}.customer)"

    /// Counts no try; and a result of the try that was refused, should it still come, counts no more.
    let private shutSql =
        "UPDATE bot.outbox o SET shut = ($2)[array_position($1, o.id)],
            state = CASE WHEN "
        + isAwaited "o"
        + " THEN 'waiting' ELSE 'ready' END, wake = CASE WHEN "
        + isAwaited "o"
        + " THEN $4 ELSE $3 END
        WHERE o.id = ANY ($1) AND o.state <> 'waiting' RETURNING 1"

    let private reopenSql =
        "WITH gone AS (
            DELETE FROM bot.command_end WHERE id = ANY ($1) AND state = 'done' RETURNING id, attempts, at),
        back AS (
            INSERT INTO bot.outbox (id, channel, customer, service, speaks, session_ordinal, version, ordinal,
                state, wake, attempts, put_off, shut, reason)
            SELECT c.id, c.channel, c.customer, 'messaging', true, c.session_ordinal, c.version, c.ordinal,
                CASE WHEN c.awaited THEN 'waiting' ELSE 'ready' END, CASE WHEN c.awaited THEN $4 ELSE $3 END,
                gone.attempts, gone.attempts, least(gone.at, ($2)[array_position($1, gone.id)]),
                'a status says that the customer has to write first'
            FROM gone CROSS JOIN LATERAL (SELECT k.*, "
        + isAwaited "k"
        + " AS awaited FROM bot.command k WHERE k.id = gone.id LIMIT 1) c),
        taken AS ("
        + Untally.each "SELECT at, 'command-done' FROM gone"
        + ") SELECT id FROM gone"

    [<NoComparison>]
    type private Refusal = {
        /// The number of the command.
        Id: int64
        Customer: CustomerKey
        /// The status's name in the inbox.
        Name: string
        At: DateTimeOffset
    }

    /// The refusals among the updates.
    let private refusals (own: Dictionary<string, int64>) (timeOf: DateTimeOffset -> DateTimeOffset) updates =
        updates
        |> List.choose (function
            | StatusCame(_, MessageId message, Failed(code, _), Some callback, at) when
                CustomerWindow.isRefusal code
                ->
                match own.TryGetValue callback, CommandKey.parse callback with
                | (true, id), Some key ->
                    Some {
                        Id = id
                        Customer = {
                            Channel = key.Session.Channel
                            Customer = key.Session.Customer
                        }
                        Name = StoredText.name (message + ":failed")
                        At = timeOf at
                    }
                | _ -> None
            | _ -> None)

    /// What is to be done about refusals in these updates; `own` has the numbers of our sends by their callback. Locks
    /// the commands that are concerned. Asks nothing where there are none, as nearly always.
    let find
        (work: Work)
        (own: Dictionary<string, int64>)
        (updates: (ReceivedBody * Update list) list)
        : Task<LateRefusals> = task {
        let found =
            updates
            |> List.collect (fun (body, updates) -> refusals own (ReceivedBody.timeOf body) updates)

        if found.IsEmpty then
            return none ()
        else
            let customers = found |> List.map _.Customer |> List.distinct |> List.sort
            let heard = Dictionary<CustomerKey, DateTimeOffset>()
            let opened = Dictionary<int64, struct (string * int)>()
            let ended = Dictionary<int64, struct (int * DateTimeOffset)>()
            let known = HashSet<string>()

            let ids () =
                Statement.bigints (found |> Seq.map _.Id |> Seq.distinct |> Seq.sort)

            do!
                Database.run work [
                    Waiting.lock customers, Database.ignoreRows
                    Waiting.lookUp customers heard (HashSet())
                    Statement.create lockOpenSql [ ids () ],
                    (fun reader ->
                        opened[reader.GetInt64 0] <- struct (reader.GetString 1, reader.GetInt32 2))
                    Statement.create lockEndsSql [ ids () ],
                    (fun reader ->
                        ended[reader.GetInt64 0] <- struct (reader.GetInt32 1, Database.instantOf reader 2))
                    Statement.create knownSql [ Statement.texts (found |> Seq.map _.Name) ],
                    (fun reader -> known.Add(reader.GetString 0) |> ignore)
                ]

            // One that was taken in before was heeded then: what it is about may have been sent anew since.
            let fresh =
                found
                |> List.filter (fun refusal -> not (known.Contains refusal.Name))
                |> List.distinctBy _.Id

            let isOfLastTry (refusal: Refusal) =
                match ended.TryGetValue refusal.Id with
                | true, struct (attempts, endedAt) -> CustomerWindow.isOfLastTry attempts endedAt refusal.At
                | false, _ -> false

            let heardOf (refusal: Refusal) =
                match heard.TryGetValue refusal.Customer with
                | true, at -> Some at
                | false, _ -> None

            /// What was tried more than once, the last time after the customer was heard, may be on its way by now: an
            /// older refusal would have it sent twice.
            let isOfOpenTry (refusal: Refusal) =
                match opened.TryGetValue refusal.Id with
                | true, struct (_, attempts) ->
                    attempts = 1 || CustomerWindow.isOfAfter (heardOf refusal) refusal.At
                | false, _ -> false

            let isInState states (refusal: Refusal) =
                match opened.TryGetValue refusal.Id with
                | true, struct (state, _) -> List.contains state states
                | false, _ -> false

            let stillOpen =
                fresh
                |> List.filter (fun refusal ->
                    isInState [ "waiting"; "ready" ] refusal || isOfOpenTry refusal)

            let place (refusal: Refusal) = refusal.Id, refusal.At

            return {
                Kept =
                    HashSet [
                        for refusal in fresh do
                            if ended.ContainsKey refusal.Id then
                                refusal.Id

                        for refusal in stillOpen do
                            refusal.Id
                    ]
                Ended = fresh |> List.filter isOfLastTry |> List.map place
                Open =
                    stillOpen
                    |> List.filter (fun refusal ->
                        isOfOpenTry refusal && not (isInState [ "waiting" ] refusal))
                    |> List.map place
            }
    }

    /// Ends of commands, without those that go on: their other statuses may have come together with the refusal.
    let without (late: LateRefusals) (ends: (int64 * string * string option) list) =
        ends |> List.filter (fun (id, _, _) -> not (late.Kept.Contains id))

    /// Writes what was found. It counts commands, so it comes ahead of what counts entries.
    let statements (now: DateTimeOffset) (late: LateRefusals) : NpgsqlBatchCommand list =
        let parameters (rows: (int64 * DateTimeOffset) list) = [
            Statement.bigints (Seq.map fst rows)
            Statement.instants (Seq.map snd rows)
            Statement.notBefore now
            Statement.notBefore Waiting.never
        ]

        [
            if not late.Open.IsEmpty then
                Statement.create shutSql (parameters late.Open)
            if not late.Ended.IsEmpty then
                Statement.create reopenSql (parameters late.Ended)
        ]
