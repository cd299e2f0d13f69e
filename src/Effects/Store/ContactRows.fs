namespace FunctionalBot.Effects.Store

open System
open System.Collections.Generic
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Effects

/// Contacts as they were read, with when each one's newest session was begun.
[<NoComparison; NoEquality>]
type internal LoadedContacts = {
    Rows: Dictionary<struct (string * string), KnownContact>
    LastSessions: Dictionary<struct (string * string), DateTimeOffset>
}

/// Reading and writing rows of bot.contact.
module internal ContactRows =
    let private columns =
        "c.channel, c.customer, c.business_scoped_id, c.business_scoped_id_at, c.phone, c.phone_at, c.name,
            c.merged_into, CASE WHEN c.current_ordinal > 0 THEN c.last_activity END"

    let private namedRows =
        "unnest($1, $2, $3, $4) AS n(channel, business_scoped_id, phone, customer)
        CROSS JOIN LATERAL (
            SELECT * FROM bot.contact a
            WHERE a.channel = n.channel AND a.business_scoped_id = n.business_scoped_id
            UNION ALL
            SELECT * FROM bot.contact b WHERE b.channel = n.channel AND b.phone = n.phone
            UNION ALL
            SELECT * FROM bot.contact k WHERE k.channel = n.channel AND k.customer = n.customer) c"

    let private namedSql = "SELECT DISTINCT " + columns + " FROM " + namedRows

    /// The contacts that stand for those named, with all rows that point to them; in one statement, so that all of it
    /// is of one moment.
    let private familiesSql =
        "WITH heads AS (
            SELECT DISTINCT c.channel, coalesce(c.merged_into, c.customer) AS customer FROM "
        + namedRows
        + ")
        SELECT "
        + columns
        + " FROM heads h CROSS JOIN LATERAL (
            SELECT * FROM bot.contact k WHERE k.channel = h.channel AND k.customer = h.customer
            UNION ALL
            SELECT * FROM bot.contact m WHERE m.channel = h.channel AND m.merged_into = h.customer) c"

    /// In the order of the list, which is that of the keys. A decision that goes on is waited for.
    let private lockSql =
        "SELECT 1 FROM unnest($1, $2) AS n(channel, customer)
        CROSS JOIN LATERAL (
            SELECT * FROM bot.contact k WHERE k.channel = n.channel AND k.customer = n.customer
            LIMIT 1 FOR NO KEY UPDATE OF k) c"

    let private namesSql =
        "UPDATE bot.contact c SET name = n.name FROM unnest($1, $2, $3) AS n(channel, customer, name)
        WHERE c.channel = n.channel AND c.customer = n.customer RETURNING 1"

    /// Ids that go elsewhere are given up first, since no two rows may have one at any moment.
    let private releaseSql =
        "UPDATE bot.contact c SET
            business_scoped_id = CASE WHEN n.business_scoped_id IS NOT DISTINCT FROM c.business_scoped_id
                THEN c.business_scoped_id END,
            phone = CASE WHEN n.phone IS NOT DISTINCT FROM c.phone THEN c.phone END
        FROM unnest($1, $2, $3, $4) AS n(channel, customer, business_scoped_id, phone)
        WHERE c.channel = n.channel AND c.customer = n.customer RETURNING 1"

    let private updateSql =
        "UPDATE bot.contact c SET business_scoped_id = n.business_scoped_id, phone = n.phone, name = n.name,
            merged_into = n.merged_into, business_scoped_id_at = n.business_scoped_id_at, phone_at = n.phone_at
        FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS n(channel, customer, business_scoped_id, phone, name,
            merged_into, business_scoped_id_at, phone_at)
        WHERE c.channel = n.channel AND c.customer = n.customer RETURNING 1"

    let private insertSql =
        "INSERT INTO bot.contact (channel, customer, business_scoped_id, phone, name, merged_into,
            business_scoped_id_at, phone_at, created, last_activity)
        SELECT channel, customer, business_scoped_id, phone, name, merged_into, business_scoped_id_at, phone_at,
            $9, $9
        FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS n(channel, customer, business_scoped_id, phone, name,
            merged_into, business_scoped_id_at, phone_at)
        ORDER BY channel, customer
        ON CONFLICT DO NOTHING RETURNING 1"

    /// What was said of either counts for the one that stays: who is blocked, or wants to hear nothing, does not get
    /// out of it by another number.
    let private inheritSql =
        "UPDATE bot.contact w SET language = coalesce(w.language, g.language),
            opted_out = w.opted_out OR g.opted_out,
            blocked_reason = CASE WHEN w.blocked_at IS NULL THEN g.blocked_reason ELSE w.blocked_reason END,
            blocked_at = coalesce(w.blocked_at, g.blocked_at)
        FROM bot.contact g
        WHERE w.channel = $1 AND w.customer = $3 AND g.channel = $1 AND g.customer = $2 RETURNING 1"

    /// What the customer did and waits is decided for the contact that stays. What belongs to a session stays with it.
    let private forwardSql =
        "WITH gone AS (
            UPDATE bot.inbox_pending p SET customer = $3 FROM bot.inbox i
            WHERE p.channel = $1 AND p.customer = $2 AND i.id = p.id AND i.session IS NULL RETURNING p.id)
        UPDATE bot.inbox i SET customer = $3 FROM gone WHERE i.id = gone.id RETURNING 1"

    let private forwardTheseSql =
        "WITH gone AS (
            UPDATE bot.inbox_pending p SET customer = ($2)[array_position($1, p.id)]
            WHERE p.id = ANY ($1) RETURNING p.id, p.customer)
        UPDATE bot.inbox i SET customer = gone.customer FROM gone WHERE i.id = gone.id RETURNING 1"

    /// Nothing that is written from now on wakes what waited for the contact that goes.
    let private wakeSql =
        "UPDATE bot.outbox SET state = 'ready', wake = $3
        WHERE state = 'waiting' AND channel = $1 AND customer = $2 RETURNING 1"

    let private keyOf (row: KnownContact) = struct (row.Channel, row.Customer)

    let private read (loaded: LoadedContacts) (reader: Data.Common.DbDataReader) =
        let known column =
            Database.textOrNone reader column
            |> Option.map (fun id -> {
                Id = id
                At =
                    if reader.IsDBNull(column + 1) then
                        None
                    else
                        Some(Database.instantOf reader (column + 1))
            })

        let row: KnownContact = {
            Channel = reader.GetString 0
            Customer = reader.GetString 1
            BusinessScopedId = known 2
            Phone = known 4
            Name = Database.textOrNone reader 6
            MergedInto = Database.textOrNone reader 7
        }

        loaded.Rows[keyOf row] <- row

        if not (reader.IsDBNull 8) then
            loaded.LastSessions[keyOf row] <- Database.instantOf reader 8

    let private sought (people: (string * Person) list) = [
        Statement.texts (people |> Seq.map fst)
        Statement.textOptions (people |> Seq.map (fun (_, person) -> person.BusinessScopedId))
        Statement.textOptions (people |> Seq.map (fun (_, person) -> person.Phone))
        Statement.textOptions (
            people
            |> Seq.map (fun (_, person) ->
                person.BusinessScopedId
                |> Option.orElse person.Phone
                |> Option.map ContactIndex.KeyOf)
        )
    ]

    let private readAll (work: Work) sql people : Task<LoadedContacts> = task {
        let loaded = {
            Rows = Dictionary()
            LastSessions = Dictionary()
        }

        do! Database.run work [ Statement.create sql (sought people), read loaded ]
        return loaded
    }

    /// Reads the contacts that have these ids, and those with the names that new ones would get; with all that points
    /// to them where somebody has moved, or where that is wanted. One round trip where nobody has.
    let load (work: Work) (people: (string * Person) list) (withFamilies: bool) : Task<LoadedContacts> = task {
        if withFamilies then
            return! readAll work familiesSql people
        else
            let! loaded = readAll work namedSql people

            if loaded.Rows.Values |> Seq.exists _.MergedInto.IsSome then
                return! readAll work familiesSql people
            else
                return loaded
    }

    /// Locks contacts in the order of their keys: (channel, customer).
    let lock (work: Work) (keys: (string * string) seq) : Task =
        let keys = keys |> Seq.distinct |> Seq.sort |> Seq.toList

        Database.run work [
            Statement.create lockSql [
                Statement.texts (keys |> Seq.map fst)
                Statement.texts (keys |> Seq.map snd)
            ],
            Database.ignoreRows
        ]

    let private names (rows: KnownContact list) = [
        Statement.texts (rows |> Seq.map _.Channel)
        Statement.texts (rows |> Seq.map _.Customer)
    ]

    let private ids (rows: KnownContact list) =
        names rows
        @ [
            Statement.textOptions (rows |> Seq.map (fun row -> KnownId.text row.BusinessScopedId))
            Statement.textOptions (rows |> Seq.map (fun row -> KnownId.text row.Phone))
        ]

    let private whole (rows: KnownContact list) =
        ids rows
        @ [
            Statement.textOptions (rows |> Seq.map _.Name)
            Statement.textOptions (rows |> Seq.map _.MergedInto)
            Statement.instantOptions (rows |> Seq.map (fun row -> row.BusinessScopedId |> Option.bind _.At))
            Statement.instantOptions (rows |> Seq.map (fun row -> row.Phone |> Option.bind _.At))
        ]

    let private merged now (merge: Merge) =
        let gone () = [ Statement.text merge.Channel; Statement.text merge.Gone ]
        let parameters () = gone () @ [ Statement.text merge.Into ]

        [
            Statement.create inheritSql (parameters ()), Database.ignoreRows
            Statement.create forwardSql (parameters ()), Database.ignoreRows
            Statement.create wakeSql (gone () @ [ Statement.notBefore now ]), Database.ignoreRows
        ]

    /// Writes rows that only have another name, rows that are locked, and new ones; then what follows from merges.
    let write
        (work: Work)
        (now: DateTimeOffset)
        (renamed: KnownContact list)
        (locked: KnownContact list)
        (fresh: KnownContact list)
        (merges: Merge list)
        : Task = task {
        let inserted = ref 0

        do!
            Database.run work [
                if not renamed.IsEmpty then
                    Statement.create namesSql [
                        yield! names renamed
                        Statement.textOptions (renamed |> Seq.map _.Name)
                    ],
                    Database.ignoreRows
                if not locked.IsEmpty then
                    Statement.create releaseSql (ids locked), Database.ignoreRows
                    Statement.create updateSql (whole locked), Database.ignoreRows
                if not fresh.IsEmpty then
                    Statement.create insertSql (whole fresh @ [ Statement.instant now ]),
                    fun _ -> inserted.Value <- inserted.Value + 1
                for merge in merges do
                    yield! merged now merge
            ]

        if inserted.Value < fresh.Length then
            raise (Collision "the same person was added by another transaction")
    }

    /// Hands waiting entries, (id, customer), to other contacts of their channels.
    let forward (entries: (int64 * string) list) : NpgsqlBatchCommand =
        Statement.create forwardTheseSql [
            Statement.bigints (entries |> Seq.map fst)
            Statement.texts (entries |> Seq.map snd)
        ]
