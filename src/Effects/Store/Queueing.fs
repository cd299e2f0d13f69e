namespace FunctionalBot.Effects.Store

open System
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// A decision with the customer it is for and the sessions it was made on.
type internal Decision = Held * Map<SessionId, Session> * CustomerDecision

/// Queueing commands, and setting timers.
module internal Queueing =
    let private commandsSql =
        "WITH added AS (
            INSERT INTO bot.command (key, channel, customer, session_ordinal, version, ordinal, kind,
                language, queued_at, payload, trace)
            SELECT key, channel, customer, session_ordinal, version, ordinal, kind, language, $11,
                payload::json, trace
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) WITH ORDINALITY
                AS n(key, channel, customer, session_ordinal, version, ordinal, kind, language, payload,
                    trace, place)
            ORDER BY place
            RETURNING id, channel, customer, kind, session_ordinal, version, ordinal)
        INSERT INTO bot.outbox (id, channel, customer, service, speaks, session_ordinal, version,
            ordinal, wake)
        SELECT id, channel, customer,
            CASE WHEN kind IN ('say', 'mark-read') THEN 'messaging'
                WHEN kind = 'ask-assistant' THEN 'assisting' ELSE 'ticketing' END,
            kind = 'say', session_ordinal, version, ordinal, $11
        FROM added RETURNING 1"

    let private setTimersSql =
        "INSERT INTO bot.timer AS t (stream, name, due, due_ticks, key)
        SELECT stream, name, due, due_ticks, key
        FROM unnest($1, $2, $3, $4, $5) AS n(stream, name, due, due_ticks, key) ORDER BY stream, name
        ON CONFLICT (stream, name) DO UPDATE
            SET due = excluded.due, due_ticks = excluded.due_ticks, key = excluded.key
        RETURNING 1"

    let private cancelTimersSql =
        "DELETE FROM bot.timer t USING unnest($1, $2) AS n(stream, name)
        WHERE t.stream = n.stream AND t.name = n.name RETURNING 1"

    let private customerText (CustomerId text) = text

    /// The stored name of an action; None for what is done by a row in bot.timer and not queued.
    let private kind action =
        match action with
        | Say _ -> Some "say"
        | MarkRead _ -> Some "mark-read"
        | AskAssistant _ -> Some "ask-assistant"
        | CreateTicket _ -> Some "create-ticket"
        | AddToTicket _ -> Some "add-to-ticket"
        | LookUpTickets _ -> Some "look-up-tickets"
        | SetTimer _
        | CancelTimer _ -> None

    let private languageOf (known: Map<SessionId, Session>) (decision: CustomerDecision) (key: CommandKey) =
        decision.Sessions
        |> List.tryFind (fun session -> session.Id = key.Session)
        |> Option.orElse (known.TryFind key.Session)
        |> Option.map _.Language
        |> Option.defaultValue Spanish
        |> Language.code

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

    /// Queues what is to be done in the world.
    let commands (now: DateTimeOffset) (decided: Decision list) : NpgsqlBatchCommand option =
        let rows =
            decided
            |> List.collect (fun (held, known, decision) ->
                let trace = traceOf held decision

                decision.Commands
                |> List.choose (fun command ->
                    kind command.Action
                    |> Option.map (fun kind -> command, kind, languageOf known decision command.Key, trace)))

        let keys = rows |> Seq.map (fun (command, _, _, _) -> command.Key) |> Seq.toArray

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
                    Statement.texts (rows |> Seq.map (fun (_, kind, _, _) -> kind))
                    Statement.texts (rows |> Seq.map (fun (_, _, language, _) -> language))
                    Statement.texts (rows |> Seq.map (fun (command, _, _, _) -> Json.write command.Action))
                    Statement.textOptions (rows |> Seq.map (fun (command, _, _, trace) -> trace command.Key))
                    Statement.instant now
                ]
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
                | LookUpTickets _ -> None)
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
            if not cancelled.IsEmpty then
                Statement.create cancelTimersSql [
                    Statement.texts (Seq.map fst cancelled)
                    Statement.texts (Seq.map snd cancelled)
                ]
        ]
