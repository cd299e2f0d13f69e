namespace FunctionalBot.Effects.Store

open System.Threading.Tasks

/// Dropping dead entries that nobody will ever understand.
module internal InboxDrop =
    /// Locked first, so that of a retry and a drop at the same moment the later one sees what the first has done.
    let private lockSql = "SELECT 1 FROM bot.inbox WHERE id = $1 FOR UPDATE"

    let private stateSql = "SELECT state FROM bot.inbox_state WHERE id = $1"

    /// It stays readable with the reason, counts as dead no longer, and is deleted by its age like all that ended.
    let private dropSql =
        "WITH arrived AS (
            UPDATE bot.inbox SET ended = 'dropped', reason = concat_ws('; ', reason, $2::text)
            WHERE id = $1 AND ended = 'dead' RETURNING id, received_at AS at),
        decided AS (
            UPDATE bot.inbox_end SET state = 'dropped', reason = concat_ws('; ', reason, $2::text)
            WHERE id = $1 AND state = 'dead' RETURNING id, at),
        dropped AS (SELECT id, at FROM arrived UNION ALL SELECT id, at FROM decided),
        taken AS ("
        + Untally.each "SELECT at, 'dead' FROM dropped"
        + "), added AS ("
        + Untally.back "SELECT at, 'dropped' FROM dropped"
        + ") SELECT id FROM dropped"

    /// Drops one entry, with the reason.
    let one (id: int64) (reason: string) (work: Work) : Task<string * ChangeOutcome> = task {
        let state = ref None
        let isDropped = ref false

        do!
            Database.run work [
                Statement.create lockSql [ Statement.bigint id ], Database.ignoreRows
                Statement.create stateSql [ Statement.bigint id ],
                fun reader -> state.Value <- Some(reader.GetString 0)
                Statement.create dropSql [
                    Statement.bigint id
                    Statement.text ("dropped by hand: " + reason)
                ],
                fun _ -> isDropped.Value <- true
            ]

        let outcome =
            match state.Value with
            | _ when isDropped.Value -> Changed "the dead entry is dropped"
            | None -> NotFound
            | Some state -> NotAllowed("only what is dead is dropped; it is " + state)

        return $"inbox %d{id}", outcome
    }
