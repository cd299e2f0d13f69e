namespace FunctionalBot.Effects.Store

open System
open System.Collections.Generic
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Some streams are not at the version that the decision was made on. Everything is rolled back and decided
/// anew.
exception internal StreamsMoved of streams: string list

/// Writing what was decided.
module internal Writing =
    /// Stream rows first; the events only when all of those were where the decisions believed them, so that
    /// the losers of a race leave no hole in the sequence. Numbers are taken in the order of versions, in the
    /// transaction's last statement: a daemon that follows the sequence waits for the numbers of open
    /// transactions.
    let private appendSql =
        "WITH fresh AS (
            INSERT INTO public.mt_streams (id, type, version, timestamp, created, tenant_id, is_archived)
            SELECT id, NULL, version, statement_timestamp(), statement_timestamp(), '*DEFAULT*', false
            FROM unnest($1, $2) AS n(id, version) ORDER BY id
            ON CONFLICT (id) DO NOTHING RETURNING id),
        moved AS (
            UPDATE public.mt_streams s SET version = ($5)[array_position($3, s.id)],
                timestamp = greatest(s.timestamp, statement_timestamp())
            WHERE s.id = ANY ($3) AND s.version = ($4)[array_position($3, s.id)] AND s.is_archived = false
            RETURNING s.id),
        written AS (
            INSERT INTO public.mt_events (seq_id, id, stream_id, version, data, bdata, type, timestamp,
                tenant_id, mt_dotnet_type, is_archived)
            SELECT nextval('public.mt_events_sequence'), id, stream, version, data::jsonb, NULL, type,
                statement_timestamp(), '*DEFAULT*', dotnet_type, false
            FROM (SELECT * FROM unnest($6, $7, $8, $9, $10, $11)
                    WITH ORDINALITY AS n(id, stream, version, data, type, dotnet_type, place)
                ORDER BY place) e
            WHERE (SELECT count(*) FROM fresh) + (SELECT count(*) FROM moved)
                = cardinality($1) + cardinality($3)
            ON CONFLICT (stream_id, version) DO NOTHING RETURNING stream_id)
        SELECT id, false FROM fresh UNION ALL SELECT id, false FROM moved
        UNION ALL SELECT stream_id, true FROM written"

    let private sessionsSql =
        "INSERT INTO bot.session AS s (stream, version, shape, phase, last_activity, data)
        SELECT stream, version, $6, phase, last_activity, data::json
        FROM unnest($1, $2, $3, $4, $5) AS n(stream, version, phase, last_activity, data)
        ON CONFLICT (stream) DO UPDATE SET version = excluded.version, shape = excluded.shape,
            phase = excluded.phase, last_activity = excluded.last_activity, data = excluded.data
        RETURNING 1"

    let private contactsSql =
        "UPDATE bot.contact c SET current_ordinal = n.ordinal, language = n.language,
            last_activity = greatest(c.last_activity, n.last_activity)
        FROM unnest($1, $2, $3, $4, $5) AS n(channel, customer, ordinal, language, last_activity)
        WHERE c.channel = n.channel AND c.customer = n.customer AND c.current_ordinal <= n.ordinal
        RETURNING 1"

    let private consentSql =
        "UPDATE bot.contact c SET opted_out = n.opted_out FROM unnest($1, $2, $3) AS n(channel, customer, opted_out)
        WHERE c.channel = n.channel AND c.customer = n.customer RETURNING 1"

    let private countTriesSql =
        "UPDATE bot.inbox_pending p SET tries = ($2)[array_position($1, p.id)],
            problem = ($3)[array_position($1, p.id)]
        WHERE p.id = ANY ($1) RETURNING 1"

    /// As in `CommandEnd`, nothing is joined to the open table.
    let private unpendSql =
        "DELETE FROM bot.inbox_pending p WHERE p.id = ANY ($1) RETURNING 1"

    let private endSql =
        "INSERT INTO bot.inbox_end (id, state, version, reason, at)
        SELECT id, state, version, reason, $5
        FROM unnest($1, $2, $3, $4) AS n(id, state, version, reason)
        RETURNING 1"

    let private phaseName (session: Session) =
        match session.Phase with
        | Conversing _ -> "conversing"
        | TicketCreation _ -> "ticket"
        | WithAgent _ -> "with-agent"
        | Closed _ -> "closed"

    let private endingColumns ending =
        match ending with
        | Applied version -> "applied", Some version, None
        | Duplicate -> "duplicate", None, None
        | Ignored reason -> "ignored", None, Some reason
        | Dead reason -> "dead", None, Some reason

    let private customerText (CustomerId text) = text

    /// Streams with their version before and after, from the decision's sessions.
    let private streamsOf (decided: Decision list) =
        decided
        |> List.collect (fun (_, known, decision) ->
            decision.Sessions
            |> List.map (fun session ->
                let before =
                    known |> Map.tryFind session.Id |> Option.map (fun saved -> saved.Version)

                SessionId.text session.Id, before, session.Version))
        |> List.sortBy (fun (stream, _, _) -> stream)

    /// Customers with a new session, or another language. The time of their last activity is that of their
    /// newest session; here it is only what it was when the row was written.
    let private contactRows (decided: Decision list) =
        decided
        |> List.choose (fun (held, _, decision) ->
            match decision.Sessions with
            | [] -> None
            | sessions ->
                let newest = List.maxBy (fun (session: Session) -> session.Id.Ordinal) sessions

                if newest.Id.Ordinal > held.CurrentOrdinal || Some newest.Language <> held.Language then
                    Some(held, newest)
                else
                    None)

    /// Customers who said in a session that they want to hear nothing, or to hear again. What a session was merely told
    /// is not among them: the contact is where that comes from.
    let private consents (decided: Decision list) : (string * CustomerId * bool) list =
        decided
        |> List.choose (fun (held, known, decision) ->
            match decision.Sessions with
            | [] -> None
            | sessions ->
                let newest = List.maxBy (fun (session: Session) -> session.Id.Ordinal) sessions

                if Reception.saysConsent (known.TryFind newest.Id) newest held.OptedOut then
                    let standing = held.MergedInto |> Option.defaultValue held.Customer.Id
                    Some(held.Channel, standing, newest.Circumstances.OptedOut)
                else
                    None)

    let private sessionStatement (sessions: Session list) =
        let sessions = sessions |> List.sortBy (fun session -> SessionId.text session.Id)

        Statement.create sessionsSql [
            Statement.texts (sessions |> Seq.map (fun session -> SessionId.text session.Id))
            Statement.bigints (sessions |> Seq.map _.Version)
            Statement.texts (sessions |> Seq.map phaseName)
            Statement.instants (sessions |> Seq.map _.LastActivity)
            Statement.texts (sessions |> Seq.map Json.write)
            Statement.bigint Sessions.shape
        ]

    let private contactStatement (rows: (Held * Session) list) =
        Statement.create contactsSql [
            Statement.texts (rows |> Seq.map (fun (held, _) -> held.Channel))
            Statement.texts (rows |> Seq.map (fun (held, _) -> customerText held.Customer.Id))
            Statement.ints (rows |> Seq.map (fun (_, session) -> session.Id.Ordinal))
            Statement.texts (rows |> Seq.map (fun (_, session) -> Language.code session.Language))
            Statement.instants (rows |> Seq.map (fun (_, session) -> session.LastActivity))
        ]

    let private consentStatement (rows: (string * CustomerId * bool) list) =
        Statement.create consentSql [
            Statement.texts (rows |> Seq.map (fun (channel, _, _) -> channel))
            Statement.texts (rows |> Seq.map (fun (_, customer, _) -> customerText customer))
            Statement.booleans (rows |> Seq.map (fun (_, _, optedOut) -> optedOut))
        ]

    let private endStatement now (ends: (int64 * Ending) list) =
        let columns = ends |> List.map (snd >> endingColumns)

        Statement.create endSql [
            Statement.bigints (Seq.map fst ends)
            Statement.texts (columns |> Seq.map (fun (state, _, _) -> state))
            Statement.bigintOptions (columns |> Seq.map (fun (_, version, _) -> version))
            Statement.textOptions (columns |> Seq.map (fun (_, _, reason) -> reason))
            Statement.instant now
        ]

    let private triesStatement (tries: (int64 * int * string) list) =
        Statement.create countTriesSql [
            Statement.bigints (tries |> Seq.map (fun (id, _, _) -> id))
            Statement.ints (tries |> Seq.map (fun (_, count, _) -> count))
            Statement.texts (tries |> Seq.map (fun (_, _, reason) -> reason))
        ]

    let private appendStatement (streams: (string * int64 option * int64) list) (events: Event list) =
        let fresh = streams |> List.filter (fun (_, before, _) -> before.IsNone)
        let moved = streams |> List.filter (fun (_, before, _) -> before.IsSome)

        let stored =
            events |> List.map (fun event -> Codec.write event.At event.Cause event.Fact)

        Statement.create appendSql [
            Statement.texts (fresh |> Seq.map (fun (stream, _, _) -> stream))
            Statement.bigints (fresh |> Seq.map (fun (_, _, after) -> after))
            Statement.texts (moved |> Seq.map (fun (stream, _, _) -> stream))
            Statement.bigints (moved |> Seq.choose (fun (_, before, _) -> before))
            Statement.bigints (moved |> Seq.map (fun (_, _, after) -> after))
            Statement.ids (events |> Seq.map _.Id)
            Statement.texts (events |> Seq.map (fun event -> SessionId.text event.Session))
            Statement.bigints (events |> Seq.map _.Version)
            Statement.texts (stored |> Seq.map _.Data)
            Statement.texts (stored |> Seq.map _.Alias)
            Statement.texts (stored |> Seq.map _.DotnetType)
        ]

    /// Streams that were not where they were believed, or that did not take all their events though they
    /// were: some other writer broke the rule then.
    let private lost (streams: (string * int64 option * int64) list) events arrived written =
        let counts = written |> Seq.countBy id |> Map.ofSeq

        match
            streams
            |> List.map (fun (stream, _, _) -> stream)
            |> List.filter (fun stream -> not (Seq.contains stream arrived))
        with
        | [] ->
            events
            |> List.countBy (fun (event: Event) -> SessionId.text event.Session)
            |> List.filter (fun (stream, count) -> counts.TryFind stream <> Some count)
            |> List.map fst
        | notThere -> notThere

    /// Writes everything in one round trip. `tries` are entries whose failure is counted, (id, how often now,
    /// why); `commands` queues what was decided; `counts` are what the transaction has to tally besides the ends.
    let write
        (work: Work)
        (now: DateTimeOffset)
        (decided: Decision list)
        (ends: (int64 * Ending) list)
        (tries: (int64 * int * string) list)
        (commands: (NpgsqlBatchCommand * (Data.Common.DbDataReader -> unit)) option)
        (counts: (string * int64) seq)
        : Task = task {
        let streams = streamsOf decided
        let arrived = HashSet<string>()
        let written = ResizeArray<string>()
        let gone = ref 0
        let events = decided |> List.collect (fun (_, _, decision) -> decision.Events)
        let sessions = decided |> List.collect (fun (_, _, decision) -> decision.Sessions)
        let contacts = contactRows decided
        let consents = consents decided

        let tally = [
            yield! counts
            for _, ending in ends do
                let state, _, _ = endingColumns ending
                state, 1L
        ]

        do!
            Database.run work [
                if not sessions.IsEmpty then
                    sessionStatement sessions, Database.ignoreRows
                if not contacts.IsEmpty then
                    contactStatement contacts, Database.ignoreRows
                if not consents.IsEmpty then
                    consentStatement consents, Database.ignoreRows
                yield! Option.toList commands
                for statement in Queueing.timers decided do
                    statement, Database.ignoreRows
                if not tries.IsEmpty then
                    triesStatement tries, Database.ignoreRows
                if not ends.IsEmpty then
                    Statement.create unpendSql [ Statement.bigints (ends |> Seq.map fst |> Seq.sort) ],
                    (fun _ -> gone.Value <- gone.Value + 1)

                    endStatement now ends, Database.ignoreRows
                if not streams.IsEmpty then
                    appendStatement streams events,
                    fun reader ->
                        if reader.GetBoolean 1 then
                            written.Add(reader.GetString 0)
                        else
                            arrived.Add(reader.GetString 0) |> ignore
                if not tally.IsEmpty then
                    Tally.counted now tally, Database.ignoreRows
            ]

        // Whoever holds a customer is the only one who ends the customer's entries.
        if gone.Value <> ends.Length then
            raise (Collision "an entry was ended by somebody else")

        match lost streams events arrived written with
        | [] -> ()
        | streams -> raise (StreamsMoved streams)
    }
