namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Turning due timers into inbox entries.
module internal Timers =
    /// A timer that another build set and this one does not know stays for that build.
    let private takeSql =
        "DELETE FROM bot.timer t WHERE t.ctid = ANY (ARRAY(
            SELECT ctid FROM bot.timer WHERE due <= $2 AND name = ANY ($3)
            ORDER BY due LIMIT $1 FOR UPDATE SKIP LOCKED))
        RETURNING t.stream, t.name, t.due_ticks, t.key"

    /// The trace of what an event came from: by the event's key, then by the key of the inbox.
    let private traceSql =
        "SELECT n.stream, n.version, i.trace FROM unnest($1, $2) AS n(stream, version)
        JOIN public.mt_events e ON e.stream_id = n.stream AND e.version = n.version
        JOIN bot.inbox i ON i.source = split_part(e.data ->> 'Cause', ':', 1)
            AND i.source_id = substr(e.data ->> 'Cause', strpos(e.data ->> 'Cause', ':') + 1)
        WHERE i.trace IS NOT NULL"

    let private knownNames = [ QuietTimer; IdleTimer ] |> List.map StoredName.timer

    /// A timer that has elapsed.
    type private Elapsed = {
        Session: SessionId
        Timer: Timer
        Due: DateTimeOffset
        /// The text of the key of the command that set it.
        Key: string
    }

    /// The version of the event that set the timer, where its end goes on with what that event began: a turn
    /// that waited for its last words. That a customer has been idle is the begin of something else.
    let private traced (elapsed: Elapsed) =
        match elapsed.Timer, CommandKey.parse elapsed.Key with
        | QuietTimer, Some key -> Some(elapsed.Session, key.Version)
        | QuietTimer, None
        | IdleTimer, _ -> None

    /// The traces of the events that set the timers.
    let private tracesOf (work: Work) (elapsed: Elapsed seq) : Task<Map<string * int64, string>> = task {
        let events = elapsed |> Seq.choose traced |> Seq.toList
        let traces = Collections.Generic.Dictionary<string * int64, string>()

        if not events.IsEmpty then
            do!
                Database.run work [
                    Statement.create traceSql [
                        Statement.texts (events |> Seq.map (fst >> SessionId.text))
                        Statement.bigints (events |> Seq.map snd)
                    ],
                    fun reader -> traces[(reader.GetString 0, reader.GetInt64 1)] <- reader.GetString 2
                ]

        return traces |> Seq.map (|KeyValue|) |> Map.ofSeq
    }

    let private entryOf now (traces: Map<string * int64, string>) (elapsed: Elapsed) =
        let sourceId = String.Concat(elapsed.Key, "/", StoredName.timer elapsed.Timer)

        let trace =
            traced elapsed
            |> Option.bind (fun (session, version) -> traces.TryFind(SessionId.text session, version))

        TimerElapsed(elapsed.Timer, elapsed.Due)
        |> Inbox.aboutSession "timer" sourceId elapsed.Session now now trace

    /// Fires up to `most` timers that are due: the timer goes and its entry comes in one transaction, and the
    /// entry is unique by the key of the command that set the timer, so that each setting fires once.
    let fire
        (source: NpgsqlDataSource)
        (settings: Settings)
        (most: int)
        (now: DateTimeOffset)
        : Task<CustomerKey list> =
        Database.transact source (fun work -> task {
            let elapsed = ResizeArray()

            do!
                Database.run work [
                    Statement.create takeSql [
                        Statement.int most
                        Statement.instant now
                        Statement.texts knownNames
                    ],
                    fun reader ->
                        let stream = reader.GetString 0

                        match SessionId.parse stream with
                        | Some session ->
                            elapsed.Add {
                                Session = session
                                Timer = StoredName.toTimer (reader.GetString 1)
                                Due = DateTimeOffset(reader.GetInt64 2, TimeSpan.Zero)
                                Key = reader.GetString 3
                            }
                        // No session can hear of it, and the others' timers must not wait for it.
                        | None -> ()
                ]

            if elapsed.Count > 0 then
                let! traces =
                    if settings.TracesTimers then
                        tracesOf work elapsed
                    else
                        Task.FromResult Map.empty

                let entries = elapsed |> Seq.map (entryOf now traces) |> Seq.toList
                do! Database.run work [ Inbox.insert now entries, Database.ignoreRows ]

            return [
                for elapsed in elapsed ->
                    ({
                        Channel = elapsed.Session.Channel
                        Customer = elapsed.Session.Customer
                    }
                    : CustomerKey)
            ]
        })
