namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql

/// One contact, for operators.
type ContactLine = {
    /// What operators and the audit call it; it tells nothing of the customer.
    Number: int64
    Channel: string
    /// The key that its sessions are named by.
    Customer: string
    BusinessScopedId: string option
    Phone: string option
    Name: string option
    /// "es", "en" or "pt", of the newest session.
    Language: string option
    Sessions: int
    /// UTC: of the newest session, else when the contact came to be known.
    LastActivity: DateTimeOffset
    OptedOut: bool
    /// Since when nothing that the customer does is answered.
    BlockedAt: DateTimeOffset option
    BlockedReason: string option
}

/// A contact with everything that was merged into it.
type ContactDetail = {
    Contact: ContactLine
    /// UTC: when it came to be known.
    Created: DateTimeOffset
    /// The keys of contacts that turned out to be this one and have sessions of their own, with how many.
    Merged: (string * int) list
    /// How many ids it was reached by before.
    FormerIds: int
    /// How many things are to be said.
    Waiting: int64
}

/// Which contacts are wanted; newest first.
type ContactQuery = {
    /// Only those that are blocked.
    IsBlocked: bool
    /// Only those that want to hear nothing.
    HasOptedOut: bool
    Limit: int
}

/// A contact by its number, or by a phone (digits), an id or a key.
type ContactName =
    | ByContactNumber of int64
    | ByContactId of string

/// Reading contacts for operators. Ids that were given up lead to whoever had them.
module internal ContactView =
    let private columns =
        "c.number, c.channel, c.customer, c.business_scoped_id, c.phone, c.name, c.language, c.current_ordinal,
            coalesce(s.last_activity, c.last_activity), c.opted_out, c.blocked_at, c.blocked_reason, c.created"

    let private joins =
        " FROM bot.contact c LEFT JOIN bot.session s
            ON s.stream = 'session/' || c.channel || '/' || c.customer || '/' || c.current_ordinal"

    let private listSql =
        "SELECT "
        + columns
        + joins
        + " WHERE c.merged_into IS NULL AND (NOT $1 OR c.blocked_at IS NOT NULL) AND (NOT $2 OR c.opted_out)
            ORDER BY c.number DESC LIMIT $3"

    /// The numbers of the contacts that stand for what is named: one, or one for each channel. Somebody's key may be a
    /// phone that is somebody else's by now, so a key counts only where nobody is or was reached by such an id.
    let private findSql =
        "SELECT DISTINCT coalesce(m.number, c.number) FROM bot.contact c
        LEFT JOIN bot.contact m ON m.channel = c.channel AND m.customer = c.merged_into
        WHERE c.number = $1 OR ($1 = 0 AND (c.phone = $2 OR c.business_scoped_id = $2
            OR c.customer = $2 AND NOT EXISTS (SELECT 1 FROM bot.contact o
                WHERE o.channel = c.channel AND (o.phone = $2 OR o.business_scoped_id = $2))))
        ORDER BY 1"

    let private showSql = "SELECT " + columns + joins + " WHERE c.number = $1"

    let private mergedSql =
        "SELECT m.customer, m.current_ordinal, num_nonnulls(m.business_scoped_id, m.phone)
        FROM bot.contact c JOIN bot.contact m ON m.channel = c.channel AND m.merged_into = c.customer
        WHERE c.number = $1 ORDER BY m.number"

    let private waitingSql =
        "SELECT count(*) FROM bot.contact c JOIN bot.outbox o ON o.speaks AND o.channel = c.channel
            AND (o.customer = c.customer OR o.customer IN (
                SELECT m.customer FROM bot.contact m WHERE m.channel = c.channel AND m.merged_into = c.customer))
        WHERE c.number = $1"

    let private lineOf (reader: Data.Common.DbDataReader) : ContactLine = {
        Number = reader.GetInt64 0
        Channel = reader.GetString 1
        Customer = reader.GetString 2
        BusinessScopedId = Database.textOrNone reader 3
        Phone = Database.textOrNone reader 4
        Name = Database.textOrNone reader 5
        Language = Database.textOrNone reader 6
        Sessions = reader.GetInt32 7
        LastActivity = Database.instantOf reader 8
        OptedOut = reader.GetBoolean 9
        BlockedAt =
            if reader.IsDBNull 10 then
                None
            else
                Some(Database.instantOf reader 10)
        BlockedReason = Database.textOrNone reader 11
    }

    let list (source: NpgsqlDataSource) (query: ContactQuery) : Task<ContactLine list> =
        Database.transact source (fun work -> task {
            let found = ResizeArray()

            do!
                Database.run work [
                    Statement.create listSql [
                        Statement.boolean query.IsBlocked
                        Statement.boolean query.HasOptedOut
                        Statement.int query.Limit
                    ],
                    (lineOf >> found.Add)
                ]

            return List.ofSeq found
        })

    /// The numbers of the contacts that the name leads to.
    let find (work: Work) (name: ContactName) : Task<int64 list> = task {
        let found = ResizeArray()

        let number, id =
            match name with
            | ByContactNumber number -> number, ""
            | ByContactId id -> 0L, id

        do!
            Database.run work [
                Statement.create findSql [ Statement.bigint number; Statement.text id ],
                fun reader -> found.Add(reader.GetInt64 0)
            ]

        return List.ofSeq found
    }

    /// How many things are to be said to the contact of that number.
    let waiting (work: Work) (number: int64) : Task<int64> = task {
        let count = ref 0L

        do!
            Database.run work [
                Statement.create waitingSql [ Statement.bigint number ],
                fun reader -> count.Value <- reader.GetInt64 0
            ]

        return count.Value
    }

    let private detail (work: Work) number : Task<ContactDetail option> = task {
        let found = ref None
        let merged = ResizeArray()
        let former = ref 0

        do!
            Database.run work [
                Statement.create showSql [ Statement.bigint number ],
                (fun reader -> found.Value <- Some(lineOf reader, Database.instantOf reader 12))
                Statement.create mergedSql [ Statement.bigint number ],
                fun reader ->
                    former.Value <- former.Value + reader.GetInt32 2

                    if reader.GetInt32 1 > 0 then
                        merged.Add(reader.GetString 0, reader.GetInt32 1)
            ]

        let! waiting = waiting work number

        return
            found.Value
            |> Option.map (fun (line, created) -> {
                Contact = line
                Created = created
                Merged = List.ofSeq merged
                FormerIds = former.Value
                Waiting = waiting
            })
    }

    /// The contacts that the name leads to: one, or one for each channel.
    let show (source: NpgsqlDataSource) (name: ContactName) : Task<ContactDetail list> =
        Database.transact source (fun work -> task {
            let! numbers = find work name
            let details = ResizeArray()

            for number in numbers do
                let! found = detail work number
                found |> Option.iter details.Add

            return List.ofSeq details
        })
