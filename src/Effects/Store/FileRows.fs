namespace FunctionalBot.Effects.Store

open System
open System.Data.Common
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// The rows about kept files.
module internal FileRows =
    let private hashText (FileHash hash) = hash
    let private messageText (MessageId message) = message
    let private customerText (CustomerId customer) = customer

    /// The row of the file is written also where it is there: whoever forgets files at this moment has it locked, and
    /// this waits for that and puts it in again.
    let private rememberFileSql =
        "INSERT INTO bot.file AS f (hash, mime_type, size, stored_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (hash) DO UPDATE SET stored_at = greatest(f.stored_at, excluded.stored_at)
            RETURNING 1"

    let private rememberUseSql =
        "INSERT INTO bot.file_use AS u
            (channel, customer, session, message, place, hash, mime_type, name, kept_until)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (session, message, place) DO UPDATE SET hash = excluded.hash,
                mime_type = excluded.mime_type, name = excluded.name,
                kept_until = greatest(u.kept_until, excluded.kept_until)
            RETURNING 1"

    let private remember source (world: World) (kept: FileUse) (until: DateTimeOffset) : Task =
        let file = kept.File

        Database.transact source (fun work -> task {
            do!
                Database.run work [
                    Statement.create rememberFileSql [
                        Statement.text (hashText file.Hash)
                        Statement.text file.MimeType
                        Statement.bigint file.Size
                        Statement.instant (world.Now())
                    ],
                    ignore
                    Statement.create rememberUseSql [
                        Statement.text kept.Session.Channel
                        Statement.text (customerText kept.Session.Customer)
                        Statement.text (SessionId.text kept.Session)
                        Statement.text (messageText kept.Message)
                        Statement.int kept.Place
                        Statement.text (hashText file.Hash)
                        Statement.text file.MimeType
                        Statement.text file.Name
                        Statement.instant until
                    ],
                    ignore
                ]
        })

    let private findSql =
        "SELECT u.hash, u.mime_type, f.size, u.name FROM bot.file_use u
            CROSS JOIN LATERAL (SELECT size FROM bot.file WHERE hash = u.hash) f
            WHERE u.session = $1 AND u.message = $2 AND u.place = $3"

    let private find source (session: SessionId) (message: MessageId) place : Task<StoredFile option> =
        Database.transact source (fun work -> task {
            let found: StoredFile option ref = ref None

            let read (reader: DbDataReader) =
                found.Value <-
                    Some {
                        Hash = FileHash(reader.GetString 0)
                        MimeType = reader.GetString 1
                        Size = reader.GetInt64 2
                        Name = reader.GetString 3
                    }

            do!
                Database.run work [
                    Statement.create findSql [
                        Statement.text (SessionId.text session)
                        Statement.text (messageText message)
                        Statement.int place
                    ],
                    read
                ]

            return found.Value
        })

    /// A file of a customer for whom something is still to be done at Odoo may be on its way to a ticket: however long
    /// Odoo is away, it is there when its turn comes.
    let private dueSql =
        "WITH busy AS MATERIALIZED (SELECT DISTINCT channel, customer FROM bot.outbox WHERE service = 'ticketing'),
        gone AS (
            DELETE FROM bot.file_use d USING (
                SELECT u.session, u.message, u.place FROM bot.file_use u
                WHERE u.kept_until <= $1
                    AND (u.channel, u.customer) NOT IN (SELECT b.channel, b.customer FROM busy b)
                ORDER BY u.kept_until LIMIT $2 FOR UPDATE OF u SKIP LOCKED) old
            WHERE d.session = old.session AND d.message = old.message AND d.place = old.place
            RETURNING d.hash)
        SELECT hash FROM gone"

    /// Locks files that nobody seems to use. What they are used for is looked at again by the next statement, which
    /// sees what was committed until this one had its locks; and who notes a new use waits for them.
    let private lockSql =
        "SELECT f.hash FROM bot.file f
            WHERE NOT EXISTS (SELECT 1 FROM bot.file_use u WHERE u.hash = f.hash)
            ORDER BY f.stored_at LIMIT $1 FOR UPDATE OF f SKIP LOCKED"

    let private unusedSql =
        "DELETE FROM bot.file f WHERE f.hash = ANY ($1)
            AND NOT EXISTS (SELECT 1 FROM bot.file_use u WHERE u.hash = f.hash)
            RETURNING f.hash"

    let private forget source (now: DateTimeOffset) (most: int) : Task<int * FileHash list> =
        Database.transact source (fun work -> task {
            let uses = ref 0
            let locked = ResizeArray<string>()
            let gone = ResizeArray<string>()

            do!
                Database.run work [
                    Statement.create dueSql [ Statement.instant now; Statement.int most ],
                    (fun _ -> uses.Value <- uses.Value + 1)
                    Statement.create lockSql [ Statement.int most ],
                    (fun reader -> locked.Add(reader.GetString 0))
                ]

            if locked.Count > 0 then
                do!
                    Database.run work [
                        Statement.create unusedSql [ Statement.texts locked ],
                        (fun reader -> gone.Add(reader.GetString 0))
                    ]

            return uses.Value, gone |> Seq.map FileHash |> List.ofSeq
        })

    let private knownSql = "SELECT hash FROM bot.file WHERE hash = ANY ($1)"

    let private known source (hashes: FileHash list) : Task<Set<FileHash>> =
        Database.transact source (fun work -> task {
            let found = ResizeArray<string>()

            do!
                Database.run work [
                    Statement.create knownSql [ Statement.texts (List.map hashText hashes) ],
                    (fun reader -> found.Add(reader.GetString 0))
                ]

            return found |> Seq.map FileHash |> Set.ofSeq
        })

    /// The port over these connections.
    let create (source: NpgsqlDataSource) (world: World) : FileRecordsPort = {
        Remember = remember source world
        Find = find source
        Forget = forget source
        Known = known source
    }
