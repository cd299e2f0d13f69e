namespace FunctionalBot.Effects.Store

open System
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// A decision with the customer it is for and the sessions it was made on.
type internal Decision = Held * Map<SessionId, Session> * CustomerDecision

/// Queueing commands, and setting timers.
module internal Queueing =
    /// SQL for the service whose workers run a kind of command; `kind` is the column. A kind of a newer build is
    /// handed out too, to be ended by whoever cannot read it.
    let serviceOf (kind: string) =
        let cases =
            CommandKind.queued
            |> List.map (fun (name, service) -> $"WHEN '%s{name}' THEN '%s{Service.name service}'")
            |> String.concat " "

        $"CASE %s{kind} %s{cases} ELSE '%s{Service.name Ticketing}' END"

    /// Numbers are given before the rows are written, so that both tables are filled from one list. A
    /// command that is leased at once has begun its first try.
    let private commandsSql =
        "WITH input AS (
            SELECT nextval('bot.command_id_seq') AS id, n.* FROM (
                SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $14) WITH ORDINALITY
                    AS u(key, channel, customer, session_ordinal, version, ordinal, kind, language, payload,
                        trace, leased, waits, place)
                ORDER BY place) n),
        added AS (
            INSERT INTO bot.command (id, key, channel, customer, session_ordinal, version, ordinal, kind,
                language, queued_at, payload, trace)
            OVERRIDING SYSTEM VALUE
            SELECT id, key, channel, customer, session_ordinal, version, ordinal, kind, language, $12,
                payload::json, trace
            FROM input)
        INSERT INTO bot.outbox (id, channel, customer, service, speaks, session_ordinal, version,
            ordinal, state, attempts, wake)
        SELECT id, channel, customer, "
        + serviceOf "kind"
        + ", kind = 'say', session_ordinal, version, ordinal,
            CASE WHEN leased THEN 'running' WHEN waits THEN 'waiting' ELSE 'ready' END,
            CASE WHEN leased THEN 1 ELSE 0 END,
            CASE WHEN leased THEN $13 WHEN waits THEN $15 ELSE $12 END
        FROM input ORDER BY id RETURNING id, customer, session_ordinal, version, ordinal"

    let private setTimersSql =
        "INSERT INTO bot.timer AS t (stream, name, due, due_ticks, key)
        SELECT stream, name, due, due_ticks, key
        FROM unnest($1, $2, $3, $4, $5) AS n(stream, name, due, due_ticks, key) ORDER BY stream, name
        ON CONFLICT (stream, name) DO UPDATE
            SET due = excluded.due, due_ticks = excluded.due_ticks, key = excluded.key
        RETURNING 1"

    let private cancelTimersSql =
        "DELETE FROM bot.timer t WHERE t.stream = ANY ($1) AND t.name = $2 RETURNING 1"

    let private customerText (CustomerId text) = text

    let private languageOf
        (known: Map<SessionId, Session>)
        (decision: CustomerDecision)
        (key: CommandKey)
        : Language =
        decision.Sessions
        |> List.tryFind (fun session -> session.Id = key.Session)
        |> Option.orElse (known.TryFind key.Session)
        |> Option.map _.Language
        |> Option.defaultValue Spanish

    /// A command goes on with the trace of what its event came from.
    let private traceOf (held: Held) (decision: CustomerDecision) =
        if held.Entries |> List.forall (fun entry -> entry.Trace.IsNone) then
            fun (_: CommandKey) -> None
        else
            let bySource =
                held.Entries
                |> List.choose (fun entry ->
                    entry.Trace |> Option.map (fun trace -> Reception.causeOf entry, trace))
                |> Map.ofList

            let byEvent =
                decision.Events
                |> List.choose (fun event ->
                    bySource
                    |> Map.tryFind event.Cause
                    |> Option.map (fun trace -> (event.Session, event.Version), trace))
                |> Map.ofList

            fun key -> byEvent |> Map.tryFind (key.Session, key.Version)

    /// A command on its way into the outbox.
    type Queued = {
        Command: Command
        /// The stored name of its action.
        Kind: string
        Language: Language
        Recipient: Recipient
        Trace: string option
        /// When the customer was last heard.
        LastHeard: DateTimeOffset option
        /// It is speech, and waits for the customer to write like what is said before it.
        Waits: bool
    }

    let private lastHeard (held: Held) (known: Map<SessionId, Session>) (decision: CustomerDecision) =
        let current = Held.current held |> Option.bind known.TryFind |> Option.toList

        match decision.Sessions @ current with
        | [] -> None
        | sessions -> sessions |> List.map _.LastActivity |> List.max |> Some

    /// Whether the saved session will tell that the customer was heard just now.
    let private isTold ((held, known, decision): Decision) =
        match Held.current held |> Option.bind known.TryFind with
        | Some before -> lastHeard held known decision > Some before.LastActivity
        | None -> not decision.Sessions.IsEmpty

    /// Those who were heard while something is said to them, where it waits for that or nothing else would tell: what
    /// changes no session (a reaction, for example) opens the window all the same.
    let heard (held: Held list) (decided: Decision list) : CustomerKey list =
        let told =
            decided
            |> List.filter isTold
            |> List.map (fun (held, _, _) -> Held.key held)
            |> Set.ofList

        held
        |> List.filter (fun customer ->
            customer.Speaking
            && Held.wasHeard customer
            && (customer.Awaited || not (told.Contains(Held.key customer))))
        |> List.map Held.key
        |> List.sort

    /// What is to be queued of the decisions, in order.
    let queued (now: DateTimeOffset) (decided: Decision list) : Queued list =
        decided
        |> List.collect (fun (held, known, decision) ->
            let trace = traceOf held decision

            let heard =
                if Held.wasHeard held then
                    max (Some now) (lastHeard held known decision)
                else
                    lastHeard held known decision

            let waits = held.Awaited && not (Held.wasHeard held)

            decision.Commands
            |> List.filter (fun command -> CommandKind.isQueued command.Action)
            |> List.map (fun command -> {
                Command = command
                Kind = CommandKind.ofAction command.Action
                Language = languageOf known decision command.Key
                Recipient = {
                    Phone = held.Customer.Phone
                    BusinessScopedId = held.BusinessScopedId
                }
                Trace = trace command.Key
                LastHeard = heard
                Waits = waits && command.Action.IsSay
            }))

    /// Which of them the node takes on at once.
    let leasing (room: Map<Service, int>) (decided: Decision list) : Leasing =
        decided
        |> List.map (fun (held, _, decision) -> {
            Customer = Held.key held
            Speaking = held.Speaking
            // What would be sent to a blocked customer is ended by whoever claims it.
            Commands =
                if held.Blocked then
                    Interpreter.notToCustomer decision.Commands
                else
                    decision.Commands
        })
        |> Leasing.choose room

    /// The commands that the node takes on, as a claim would hand them out.
    let leased (now: DateTimeOffset) (leasing: Leasing) (rows: Queued list) (places: int64 seq) =
        Seq.zip rows places
        |> Seq.choose (fun (row, place) ->
            if leasing.Leased.Contains row.Command.Key then
                Some {
                    Place = place
                    Command = row.Command
                    Recipient = row.Recipient
                    Language = row.Language
                    Attempt = 1
                    PutOffs = 0
                    QueuedAt = now
                    DelayTold = false
                    Trace = row.Trace
                    LastHeard = row.LastHeard
                    IsShut = false
                }
            else
                None)
        |> Seq.toList

    /// Reads the number that a queued command was given. PostgreSQL inserts and returns rows in the order of
    /// the list; that it does is checked.
    let private readPlace (rows: Queued[]) (places: ResizeArray<int64>) (reader: Data.Common.DbDataReader) =
        let key = rows[places.Count].Command.Key

        let isNext =
            reader.GetString 1 = customerText key.Session.Customer
            && reader.GetInt32 2 = key.Session.Ordinal
            && reader.GetInt64 3 = key.Version
            && reader.GetInt32 4 = key.Ordinal

        if not isNext then
            invalidOp "PostgreSQL returned queued commands in another order than they were given in."

        places.Add(reader.GetInt64 0)

    /// Queues what is to be done in the world; what is leased belongs to the node until `leaseEnd`. The
    /// numbers that the commands are given go to `places`, in order.
    let commands
        (now: DateTimeOffset)
        (leaseEnd: DateTimeOffset)
        (leasing: Leasing)
        (rows: Queued list)
        (places: ResizeArray<int64>)
        : (NpgsqlBatchCommand * (Data.Common.DbDataReader -> unit)) option =
        let keys = rows |> Seq.map _.Command.Key |> Seq.toArray

        if rows.IsEmpty then
            None
        else
            Some(
                Statement.create commandsSql [
                    Statement.texts (keys |> Seq.map CommandKey.text)
                    Statement.texts (keys |> Seq.map _.Session.Channel)
                    Statement.texts (keys |> Seq.map (fun key -> customerText key.Session.Customer))
                    Statement.ints (keys |> Seq.map _.Session.Ordinal)
                    Statement.bigints (keys |> Seq.map _.Version)
                    Statement.ints (keys |> Seq.map _.Ordinal)
                    Statement.texts (rows |> Seq.map _.Kind)
                    Statement.texts (rows |> Seq.map (fun row -> Language.code row.Language))
                    Statement.texts (rows |> Seq.map (fun row -> Json.write row.Command.Action))
                    Statement.textOptions (rows |> Seq.map _.Trace)
                    Statement.booleans (keys |> Seq.map leasing.Leased.Contains)
                    Statement.instant now
                    Statement.notBefore leaseEnd
                    Statement.booleans (rows |> Seq.map _.Waits)
                    Statement.notBefore Waiting.never
                ],
                readPlace (Array.ofList rows) places
            )

    /// The last word of the commands on each timer: set to a time, or cancelled.
    let timers (decided: Decision list) : NpgsqlBatchCommand list =
        let last =
            decided
            |> List.collect (fun (_, _, decision) -> decision.Commands)
            |> List.choose (fun command ->
                let stream = SessionId.text command.Key.Session

                match command.Action with
                | SetTimer(timer, due) -> Some((stream, StoredName.timer timer), Some(command.Key, due))
                | CancelTimer timer -> Some((stream, StoredName.timer timer), None)
                | Say _
                | MarkRead _
                | AskAssistant _
                | CreateTicket _
                | AddToTicket _
                | LookUpTickets _
                | FetchFile _
                | AttachToTicket _
                | React _ -> None)
            |> List.fold (fun timers (name, change) -> Map.add name change timers) Map.empty
            |> Map.toList

        let set =
            last
            |> List.choose (fun (name, change) -> change |> Option.map (fun to' -> name, to'))

        let cancelled =
            last |> List.filter (fun (_, change) -> change.IsNone) |> List.map fst

        [
            if not set.IsEmpty then
                Statement.create setTimersSql [
                    Statement.texts (set |> Seq.map (fun ((stream, _), _) -> stream))
                    Statement.texts (set |> Seq.map (fun ((_, name), _) -> name))
                    Statement.notBefores (set |> Seq.map (fun (_, (_, due)) -> due))
                    Statement.bigints (set |> Seq.map (fun (_, (_, due)) -> due.UtcTicks))
                    Statement.texts (set |> Seq.map (fun (_, (key, _)) -> CommandKey.text key))
                ]
            for name, cancelled in List.groupBy snd cancelled do
                Statement.create cancelTimersSql [
                    Statement.texts (Seq.map fst cancelled)
                    Statement.text name
                ]
        ]
