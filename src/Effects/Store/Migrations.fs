namespace FunctionalBot.Effects

open System
open System.IO
open System.Reflection
open System.Security.Cryptography
open System.Text
open System.Threading.Tasks
open Npgsql

/// One numbered file of `data/schema`, as it is built into the program.
type Migration = {
    Number: int
    /// The file's name, for example "002-bot.sql".
    Name: string
    Sql: string
    /// Of the file's text, in lower-case hexadecimal.
    Sha256: string
}

/// Why a database cannot be used by this build.
type MigrationProblem =
    /// It has a migration that this build does not know.
    | DatabaseIsNewer of number: int * name: string
    /// A file was changed after it had been applied.
    | FileWasChanged of name: string
    /// PostgreSQL refused a file; nothing of that file was applied.
    | FileFailed of name: string * message: string
    /// The role in DATABASE_URL may not do what is needed.
    | RightsAreMissing of message: string
    /// PostgreSQL cannot be reached, or refuses the connection.
    | DatabaseUnreachable of message: string

/// What the database has of what this build knows.
type MigrationStatus = {
    Applied: Migration list
    Waiting: Migration list
}

/// Brings a database to the layout that this build needs.
module Migrations =
    /// "bot" and "migr" in ASCII; any two programs that migrate the same database wait for one another.
    let private lockNumber = 0x626F746D_69677200L

    let private load (assembly: Assembly) (resource: string) =
        let text =
            match assembly.GetManifestResourceStream resource with
            | null -> invalidOp ("the resource " + resource + " is missing from the build")
            | stream ->
                use reader = new StreamReader(stream, Encoding.UTF8)
                reader.ReadToEnd().ReplaceLineEndings "\n"

        let name = resource.Substring "schema/".Length

        {
            Number = int (name.Substring(0, 3))
            Name = name
            Sql = text
            Sha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes text))
        }

    /// What is built in, in order.
    let all: Migration list =
        let assembly = typeof<Migration>.Assembly

        assembly.GetManifestResourceNames()
        |> Array.filter (fun name -> name.StartsWith("schema/", StringComparison.Ordinal))
        |> Array.map (load assembly)
        |> Array.sortBy _.Number
        |> Array.toList

    /// What to tell the operator.
    let explain (problem: MigrationProblem) : string =
        match problem with
        | DatabaseIsNewer(number, name) ->
            $"The database was migrated by a newer build (migration %d{number}, %s{name}). "
            + "Run that build or a newer one."
        | FileWasChanged name ->
            $"The migration %s{name} was applied with other contents than this build has. "
            + "A file that was applied must not change: restore it and put the change into a new file."
        | FileFailed(name, message) -> $"The migration %s{name} failed and was rolled back: %s{message}"
        | RightsAreMissing message ->
            $"The role in DATABASE_URL lacks rights: %s{message}. "
            + "Use the role that owns the database, or let that one grant them."
        | DatabaseUnreachable message -> $"PostgreSQL cannot be used: %s{message} Check DATABASE_URL."

    let private execute (connection: NpgsqlConnection) (sql: string) = task {
        use command = new NpgsqlCommand(sql, connection)
        let! _ = command.ExecuteNonQueryAsync()
        return ()
    }

    let private applied (connection: NpgsqlConnection) = task {
        use exists =
            new NpgsqlCommand("SELECT to_regclass('bot.migration') IS NOT NULL", connection)

        let! there = exists.ExecuteScalarAsync()

        if there = box true then
            use command =
                new NpgsqlCommand(
                    "SELECT number, name, sha256 FROM bot.migration ORDER BY number",
                    connection
                )

            use! reader = command.ExecuteReaderAsync()
            let rows = ResizeArray()
            let mutable more = true

            while more do
                let! next = reader.ReadAsync()
                more <- next

                if next then
                    rows.Add(struct (reader.GetInt32 0, reader.GetString 1, reader.GetString 2))

            return List.ofSeq rows
        else
            return []
    }

    let private compare known rows : Result<MigrationStatus, MigrationProblem> =
        let problem =
            rows
            |> List.tryPick (fun struct (number, name, sha256) ->
                match known |> List.tryFind (fun migration -> migration.Number = number) with
                | None -> Some(DatabaseIsNewer(number, name))
                | Some migration when migration.Sha256 <> sha256 -> Some(FileWasChanged name)
                | Some _ -> None)

        match problem with
        | Some problem -> Error problem
        | None ->
            let numbers = rows |> List.map (fun struct (number, _, _) -> number) |> Set.ofList

            let there, waiting =
                known |> List.partition (fun migration -> numbers.Contains migration.Number)

            Ok { Applied = there; Waiting = waiting }

    /// Where the files are noted. Made in the transaction of the first one, so that a role that may do half of it
    /// leaves nothing behind.
    let private noteSql =
        "CREATE SCHEMA IF NOT EXISTS bot; CREATE TABLE IF NOT EXISTS bot.migration (
            number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,
            at timestamptz NOT NULL DEFAULT now());
        "

    /// Whoever waits longer for a table is in the way of everybody who comes behind.
    let private lockTimeout = "SET lock_timeout = '5min'"

    let private apply (connection: NpgsqlConnection) isFirst (migration: Migration) = task {
        try
            use! transaction = connection.BeginTransactionAsync()
            do! execute connection ((if isFirst then noteSql else "") + migration.Sql)

            use record =
                new NpgsqlCommand(
                    "INSERT INTO bot.migration (number, name, sha256) VALUES ($1, $2, $3)",
                    connection,
                    transaction
                )

            record.Parameters.Add(NpgsqlParameter(Value = migration.Number)) |> ignore
            record.Parameters.Add(NpgsqlParameter(Value = migration.Name)) |> ignore
            record.Parameters.Add(NpgsqlParameter(Value = migration.Sha256)) |> ignore
            let! _ = record.ExecuteNonQueryAsync()
            do! transaction.CommitAsync()
            return Ok()
        with
        | :? PostgresException as refused when refused.SqlState = PostgresErrorCodes.LockNotAvailable ->
            let message =
                refused.MessageText
                + ". Something else holds a table that it changes: end that, or try again later"

            return Error(FileFailed(migration.Name, message))
        | :? PostgresException as refused when refused.SqlState <> PostgresErrorCodes.InsufficientPrivilege ->
            return Error(FileFailed(migration.Name, refused.MessageText))
    }

    let private connected (connectionString: string) work : Task<Result<'T, MigrationProblem>> = task {
        try
            // Its own connection: closing it frees the advisory lock even when this process is killed.
            // No time is set to a statement: an index over a big table takes what it takes, and so does waiting for
            // another program that migrates.
            let settings =
                NpgsqlConnectionStringBuilder(connectionString, Pooling = false, CommandTimeout = 0)

            use connection = new NpgsqlConnection(settings.ConnectionString)
            do! connection.OpenAsync()
            return! work connection
        with
        | :? PostgresException as refused when refused.SqlState = PostgresErrorCodes.InsufficientPrivilege ->
            return Error(RightsAreMissing refused.MessageText)
        | :? NpgsqlException as problem -> return Error(DatabaseUnreachable problem.Message)
    }

    /// As `run`, with the migrations that are to be there.
    let runThese (known: Migration list) connectionString : Task<Result<Migration list, MigrationProblem>> =
        connected connectionString (fun connection -> task {
            do! execute connection $"SELECT pg_advisory_lock(%d{lockNumber})"

            let! rows = applied connection

            match compare known rows with
            | Error problem -> return Error problem
            | Ok status ->
                do! execute connection lockTimeout
                let mutable result = Ok status.Waiting
                let mutable isFirst = rows.IsEmpty

                for migration in status.Waiting do
                    if Result.isOk result then
                        let! applied = apply connection isFirst migration
                        isFirst <- false
                        result <- applied |> Result.map (fun () -> status.Waiting)

                return result
        })

    /// Applies what is missing, each file in a transaction of its own, and returns what it applied. Programs
    /// that do this at the same moment wait for each other, and the later ones find nothing to do.
    let run (connectionString: string) : Task<Result<Migration list, MigrationProblem>> =
        runThese all connectionString

    /// What is applied and what is missing. Changes nothing.
    let status (connectionString: string) : Task<Result<MigrationStatus, MigrationProblem>> =
        connected connectionString (fun connection -> task {
            let! rows = applied connection
            return compare all rows
        })
