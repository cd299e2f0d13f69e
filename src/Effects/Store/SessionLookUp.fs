namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open FunctionalBot.Effects

/// A line of `bot session list`.
type SessionLine = {
    Stream: string
    Version: int64
    /// None where no session is saved.
    Phase: string option
    /// UTC; where no session is saved, when the stream last took an event.
    LastActivity: DateTimeOffset
}

/// Finding sessions for whoever asks by name, phase or time.
module SessionLookUp =
    let private resolveSql =
        "SELECT id FROM public.mt_streams WHERE id = $1 OR id = $2
        UNION ALL
        (SELECT id FROM public.mt_streams
        WHERE (starts_with(id, $1) OR starts_with(id, $2)) AND id <> $1 AND id <> $2 AND starts_with(id, 'session/')
        ORDER BY id LIMIT $3)"

    /// The streams that the words name: the one of exactly that name, with or without "session/", else up to `most`
    /// whose names begin so.
    let resolve (snapshot: Snapshot) (words: string) (most: int) : Task<string list> = task {
        let whole = "session/" + words

        let! found =
            RecordedStreams.rows
                snapshot
                resolveSql
                [ Statement.text words; Statement.text whole; Statement.int most ]
                (fun reader -> reader.GetString 0)

        match found |> Seq.tryFind (fun stream -> stream = words || stream = whole) with
        | Some exact -> return [ exact ]
        | None -> return List.ofSeq found
    }

    let private listSql =
        "SELECT st.id, coalesce(st.version, 0), se.phase, coalesce(se.last_activity, st.timestamp) AS active
        FROM public.mt_streams st LEFT JOIN bot.session se ON se.stream = st.id
        WHERE starts_with(st.id, 'session/') AND ($1 = '' OR se.phase = $1)
            AND coalesce(se.last_activity, st.timestamp) >= $2
        ORDER BY active DESC, st.id LIMIT $3"

    /// Sessions, the last active first; `phase` None takes those of any phase.
    let list
        (snapshot: Snapshot)
        (phase: string option)
        (since: DateTimeOffset)
        (most: int)
        : Task<SessionLine list> = task {
        let! found =
            RecordedStreams.rows
                snapshot
                listSql
                [
                    Statement.text (Option.defaultValue "" phase)
                    Statement.instant since
                    Statement.int most
                ]
                (fun reader -> {
                    Stream = reader.GetString 0
                    Version = reader.GetInt64 1
                    Phase = Database.textOrNone reader 2
                    LastActivity = Database.instantOf reader 3
                })

        return List.ofSeq found
    }
