namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects

/// How a send of which nobody knows the outcome is settled by hand.
type Settlement =
    /// The customer has it.
    | SettledAsSent
    /// The customer does not have it.
    | SettledAsFailed

/// Changing commands by hand. What a live lease holds is left to its worker: it may be at work this moment.
module internal OutboxChanges =
    let private findSql =
        "SELECT c.id, c.key, c.kind, c.payload::text, c.trace FROM bot.command c
        WHERE c.id = $1 OR ($1 = 0 AND c.key = $2)"

    let private lockSql = "SELECT 1 FROM bot.outbox WHERE id = $1 FOR UPDATE"
    let private lockEndSql = "SELECT 1 FROM bot.command_end WHERE id = $1 FOR UPDATE"

    let private standingSql =
        "SELECT state, wake FROM bot.outbox WHERE id = $1
        UNION ALL SELECT 'ended ' || state, at FROM bot.command_end WHERE id = $1"

    /// The command gets its row again, with its place among what the customer is told, and goes on counting its tries:
    /// the count is the fence that keeps the result of an earlier try from being taken for that of a later one. The
    /// outcome that was told when it died gets another name in the inbox, so that the next one is no duplicate of it.
    let private backSql =
        "WITH gone AS (
            DELETE FROM bot.command_end WHERE id = $1 AND state = 'dead' RETURNING id, attempts, at),
        back AS (
            INSERT INTO bot.outbox (id, channel, customer, service, speaks, session_ordinal, version, ordinal,
                attempts, put_off, wake, delay_told)
            SELECT c.id, c.channel, c.customer, "
        + Queueing.serviceOf "c.kind"
        + ", c.kind = 'say', c.session_ordinal, c.version, c.ordinal, gone.attempts, gone.attempts, $2,
                EXISTS (SELECT 1 FROM bot.inbox WHERE source = 'command' AND source_id = $4)
            FROM gone JOIN bot.command c ON c.id = gone.id),
        renamed AS (
            UPDATE bot.inbox i SET source_id = $5 || i.id
            FROM gone WHERE i.source = 'command' AND i.source_id = $3),
        taken AS ("
        + Untally.each "SELECT at, 'command-dead' FROM gone"
        + ") SELECT id FROM gone"

    let private wakeSql =
        "UPDATE bot.outbox SET state = 'ready', wake = $2 WHERE id = $1 RETURNING 1"

    /// What waits for the customer is tried all the same: the customer may have called, of which nobody tells us.
    /// Everything that waits for that customer is, since its order must stay. It counts as if the customer had been
    /// heard, but no template asks once more for it: whoever was asked stays asked until then.
    let private heardSql =
        "WITH due AS (
            UPDATE bot.outbox o SET state = 'ready', wake = $2, heard = $2
            FROM bot.command c WHERE c.id = $1 AND o.state = 'waiting'
                AND o.channel = c.channel AND o.customer = c.customer RETURNING o.channel, o.customer)
        UPDATE bot.contact k SET template_at = greatest(k.template_at, $2)
        FROM (SELECT DISTINCT channel, customer FROM due) d
        WHERE k.channel = d.channel AND k.customer = d.customer AND k.template_at IS NOT NULL RETURNING 1"

    /// A dead letter that nobody wants to send any more stays readable and counts as dead no longer.
    let private dropSql =
        "WITH dropped AS (
            UPDATE bot.command_end SET state = 'dropped', reason = concat_ws('; ', reason, $2::text)
            WHERE id = $1 AND state = 'dead' RETURNING id, at),
        taken AS ("
        + Untally.each "SELECT at, 'command-dead' FROM dropped"
        + "), added AS ("
        + Untally.back "SELECT at, 'command-dropped' FROM dropped"
        + ") SELECT id FROM dropped"

    [<NoComparison>]
    type private Found = {
        Id: int64
        Key: string
        Kind: string
        Payload: string
        Trace: string option
        /// The state and its time; "ended dead" and "ended done" with the time of the end; None for what is lost.
        Standing: (string * DateTimeOffset) option
    }

    let private find (work: Work) (name: CommandName) : Task<Found option> = task {
        let found = ref None

        do!
            Database.run work [
                Statement.create findSql (OutboxView.named name),
                fun reader ->
                    found.Value <-
                        Some {
                            Id = reader.GetInt64 0
                            Key = reader.GetString 1
                            Kind = reader.GetString 2
                            Payload = reader.GetString 3
                            Trace = Database.textOrNone reader 4
                            Standing = None
                        }
            ]

        match found.Value with
        | None -> return None
        | Some command ->
            let standing = ref None
            let id () = Statement.bigint command.Id

            // Locked first, and read by a statement of its own, which sees what the last holder committed. The end
            // comes first: who brings a command back ends its end, and its open row can be locked after that.
            do!
                Database.run work [
                    Statement.create lockEndSql [ id () ], Database.ignoreRows
                    Statement.create lockSql [ id () ], Database.ignoreRows
                    Statement.create standingSql [ id () ],
                    fun reader -> standing.Value <- Some(reader.GetString 0, Database.instantOf reader 1)
                ]

            return
                Some {
                    command with
                        Standing = standing.Value
                }
    }

    let private instantText (at: DateTimeOffset) =
        at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", Globalization.CultureInfo.InvariantCulture)
        + " UTC"

    /// Finds the command and changes it, unless it is held or lost.
    let private onCommand
        now
        name
        (change: Work -> Found -> string -> Task<ChangeOutcome>)
        (work: Work)
        : Task<string * ChangeOutcome> = task {
        match! find work name with
        | None -> return "command", NotFound
        | Some found ->
            let! outcome =
                match found.Standing with
                | None ->
                    Task.FromResult(
                        NotAllowed "it is neither open nor ended, which must never be: run bot db check"
                    )
                | Some("running", until) when until > now ->
                    Task.FromResult(
                        NotAllowed(
                            "a worker is running it and holds it until "
                            + instantText until
                            + "; try again after that"
                        )
                    )
                | Some(state, _) -> change work found state

            return $"command %d{found.Id}", outcome
    }

    let private sourceId (found: Found) suffix = StoredText.name (found.Key + suffix)

    /// Ends an open command, and tells the session what it waits for.
    let private finish (work: Work) now (found: Found) state (reason: string) (told: string option) = task {
        let outcome =
            match told, CommandKey.parse found.Key, Json.read<Action> found.Payload with
            | Some told, Some key, Ok action ->
                Interpreter.outcomeOfFault { Key = key; Action = action } told
                |> Option.map (fun fact ->
                    Inbox.aboutSession "command" found.Key key.Session now now found.Trace fact)
            // Nothing is known of the session of a command that cannot be read.
            | _ -> None

        do!
            Database.run work [
                for statement in CommandEnd.locked now [ found.Id, state, Some reason ] do
                    statement, Database.ignoreRows

                match outcome with
                | Some entry -> Inbox.insert now [ entry ], Database.ignoreRows
                | None -> ()
            ]

        return outcome
    }

    /// Runs a statement on an end that is dead; it gives a row where it still was.
    let private onDead (work: Work) sql parameters (effect: string) : Task<ChangeOutcome> = task {
        let found = ref false
        do! Database.run work [ Statement.create sql parameters, (fun _ -> found.Value <- true) ]

        return
            if found.Value then
                Changed effect
            else
                NotAllowed "it ended or was changed by somebody else at this moment; look at it again"
    }

    /// Runs a command again: one that ended dead, or at once one that waits for its next try.
    let retry (now: DateTimeOffset) (name: CommandName) : Work -> Task<string * ChangeOutcome> =
        onCommand now name (fun work found state -> task {
            match state with
            | "ready" when found.Standing |> Option.exists (fun (_, wake) -> wake <= now) ->
                return Unchanged "it is due already; a running bot takes it in its turn"
            | "ended dead" ->
                return!
                    onDead
                        work
                        backSql
                        [
                            Statement.bigint found.Id
                            Statement.notBefore now
                            Statement.text (sourceId found "")
                            Statement.text (sourceId found "/delayed")
                            Statement.text (sourceId found "/told-")
                        ]
                        $"the %s{found.Kind} is queued again"
            | "ready" ->
                do!
                    Database.run work [
                        Statement.create wakeSql [ Statement.bigint found.Id; Statement.notBefore now ],
                        Database.ignoreRows
                    ]

                return Changed $"the %s{found.Kind} is due now"
            | "waiting" ->
                do!
                    Database.run work [
                        Statement.create heardSql [ Statement.bigint found.Id; Statement.notBefore now ],
                        Database.ignoreRows
                    ]

                return
                    Changed(
                        $"the %s{found.Kind} is due now, with all that waits for the same customer to write; "
                        + "what WhatsApp refuses waits again"
                    )
            | "running" when found.Kind <> "say" ->
                do!
                    Database.run work [
                        Statement.create wakeSql [ Statement.bigint found.Id; Statement.notBefore now ],
                        Database.ignoreRows
                    ]

                return Changed $"the %s{found.Kind}, whose worker is gone, is due now"
            | "running"
            | "unknown" ->
                return
                    NotAllowed(
                        "nobody knows whether it was sent, and a retry could show it twice; "
                        + "look at the conversation and settle it: "
                        + $"bot outbox settle %d{found.Id} --as sent|failed"
                    )
            | "ended dropped" -> return NotAllowed "it was dropped by hand; nobody wants it any more"
            | _ -> return NotAllowed "it was done; what is done is not done again"
        })

    /// Ends a command that is open: the session hears of it as of a command that was given up. Of one that is dead
    /// already it says that nobody wants it any more: it is dropped.
    let cancel
        (now: DateTimeOffset)
        (name: CommandName)
        (reason: string)
        : Work -> Task<string * ChangeOutcome> =
        onCommand now name (fun work found state -> task {
            match state with
            | "ended dead" ->
                return!
                    onDead
                        work
                        dropSql
                        [ Statement.bigint found.Id; Statement.text ("dropped by hand: " + reason) ]
                        $"the dead %s{found.Kind} is dropped; its session was told when it died"
            | "ended done"
            | "ended dropped" -> return NotAllowed("it is not open any more: it " + state)
            | _ ->
                let! told =
                    finish work now found "dead" ("cancelled by hand: " + reason) (Some "cancelled by hand")

                return
                    Changed(
                        $"the %s{found.Kind} is cancelled; "
                        + (if told.IsSome then
                               "its session is told"
                           else
                               "no session waits for it")
                    )
        })

    /// Says how a send ended of which nobody knows it.
    let settle
        (now: DateTimeOffset)
        (name: CommandName)
        (settlement: Settlement)
        : Work -> Task<string * ChangeOutcome> =
        onCommand now name (fun work found state -> task {
            match state, found.Kind, settlement with
            | ("unknown" | "running"), "say", SettledAsSent ->
                let! _ = finish work now found "done" "settled by hand as sent" None
                return Changed "the say is done: it was sent"
            | ("unknown" | "running"), "say", SettledAsFailed ->
                let! _ =
                    finish
                        work
                        now
                        found
                        "dead"
                        "settled by hand as not sent"
                        (Some "settled by hand as not sent")

                return
                    Changed
                        "the say is dead: it was not sent, and its session is told; retry would send it again"
            | "waiting", _, _ ->
                return
                    NotAllowed
                        "its outcome is not unknown: it waits for the customer to write; retry or cancel it"
            | "ready", _, _ ->
                return NotAllowed "its outcome is not unknown: it waits for its next try; retry or cancel it"
            | ("ended dead" | "ended done" | "ended dropped"), _, _ ->
                return NotAllowed("it is settled already: it " + state)
            | _ ->
                return
                    NotAllowed(
                        "only a send can have an unknown outcome; "
                        + $"a %s{found.Kind} can be repeated: retry or cancel it"
                    )
        })
