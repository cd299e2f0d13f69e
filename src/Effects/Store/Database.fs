namespace FunctionalBot.Effects.Store

open System
open System.Data.Common
open System.Threading.Tasks
open Npgsql
open NpgsqlTypes
open FunctionalBot.Effects

/// How the store uses PostgreSQL.
type Settings = {
    /// As Npgsql reads it.
    ConnectionString: string
    /// The most connections that are open at a time.
    MaxPool: int
    /// How long a send whose lease ran out waits for a status webhook before it is handed out again.
    ParkFor: TimeSpan
    /// Sessions kept in memory so that they need not be decoded anew; some 5 kB each.
    KeptSessions: int
    /// Whether a timer's entry gets the trace of the event that set it, for two look-ups by key. Of use where
    /// somebody traces.
    TracesTimers: bool
}

/// Settings of the store.
module Settings =
    /// 12 connections, 60 seconds of waiting for a status, 2,000 sessions in memory, and no traces of timers.
    let ofConnectionString connectionString = {
        ConnectionString = connectionString
        MaxPool = 12
        ParkFor = TimeSpan.FromSeconds 60.
        KeptSessions = 2000
        TracesTimers = false
    }

/// The work met what another transaction did at the same time; it is rolled back and done again.
exception internal Collision of what: string

/// Statements with their parameters. Instants have PostgreSQL's microseconds: `instant` cuts what is finer,
/// `notBefore` rounds up, so that what must not happen too early never does.
module internal Statement =
    let private parameter (kind: NpgsqlDbType) (value: obj) =
        NpgsqlParameter(NpgsqlDbType = kind, Value = value)

    let private many kind (values: 'T[]) =
        parameter (NpgsqlDbType.Array ||| kind) values

    let private utc (at: DateTimeOffset) = at.UtcDateTime

    let private roundUp (at: DateTimeOffset) =
        let rest = at.UtcTicks % 10L

        if rest = 0L || at.UtcTicks > DateTimeOffset.MaxValue.UtcTicks - 10L then
            utc at
        else
            utc (at.AddTicks(10L - rest))

    let text (value: string) =
        parameter NpgsqlDbType.Text (StoredText.clean value)

    let int (value: int) = parameter NpgsqlDbType.Integer value
    let bigint (value: int64) = parameter NpgsqlDbType.Bigint value

    let boolean (value: bool) = parameter NpgsqlDbType.Boolean value

    let instant (value: DateTimeOffset) =
        parameter NpgsqlDbType.TimestampTz (utc value)

    let notBefore (value: DateTimeOffset) =
        parameter NpgsqlDbType.TimestampTz (roundUp value)

    let texts (values: string seq) =
        many NpgsqlDbType.Text (values |> Seq.map StoredText.clean |> Seq.toArray)

    let textOptions (values: string option seq) =
        let orNull (value: string option) : string | null =
            match value with
            | Some text -> StoredText.clean text
            | None -> null

        many NpgsqlDbType.Text (values |> Seq.map orNull |> Seq.toArray)

    let ints (values: int seq) =
        many NpgsqlDbType.Integer (Seq.toArray values)

    let bigints (values: int64 seq) =
        many NpgsqlDbType.Bigint (Seq.toArray values)

    let bigintOptions (values: int64 option seq) =
        many NpgsqlDbType.Bigint (values |> Seq.map Option.toNullable |> Seq.toArray)

    let booleans (values: bool seq) =
        many NpgsqlDbType.Boolean (Seq.toArray values)

    let instants (values: DateTimeOffset seq) =
        many NpgsqlDbType.TimestampTz (values |> Seq.map utc |> Seq.toArray)

    let instantOptions (values: DateTimeOffset option seq) =
        let orNull (value: DateTimeOffset option) =
            value |> Option.map utc |> Option.toNullable

        many NpgsqlDbType.TimestampTz (values |> Seq.map orNull |> Seq.toArray)

    let notBefores (values: DateTimeOffset seq) =
        many NpgsqlDbType.TimestampTz (values |> Seq.map roundUp |> Seq.toArray)

    let ids (values: Guid seq) =
        many NpgsqlDbType.Uuid (Seq.toArray values)

    let bytes (values: byte[] seq) =
        many NpgsqlDbType.Bytea (Seq.toArray values)

    /// A statement with $1, $2… in order.
    let create (sql: string) (parameters: NpgsqlParameter list) =
        let command = NpgsqlBatchCommand sql

        for parameter in parameters do
            command.Parameters.Add parameter |> ignore

        command

/// One transaction at work.
[<NoComparison; NoEquality>]
type internal Work = {
    Connection: NpgsqlConnection
    Transaction: NpgsqlTransaction
}

/// Running statements and transactions.
module internal Database =
    /// A node that freezes, or whose machine is gone, may leave a transaction open, and with it the locks on its
    /// customers and on what it was about to write. PostgreSQL ends such a transaction after this time; between
    /// two statements of a node that lives there are milliseconds.
    let private idleInTransaction = "-c idle_in_transaction_session_timeout=5s"

    /// A pool of connections whose plans stay with the indexes. All statements here are small look-ups by
    /// key; without these settings a plan made while a table was young can scan the grown table until
    /// somebody analyses it.
    let createSource (settings: Settings) : NpgsqlDataSource =
        let builder = NpgsqlConnectionStringBuilder settings.ConnectionString
        builder.MaxPoolSize <- settings.MaxPool
        builder.MaxAutoPrepare <- 100
        builder.AutoPrepareMinUsages <- 2
        builder.NoResetOnClose <- true

        // What is given comes last and so goes first.
        builder.Options <-
            String.concat " " [
                "-c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off"
                "-c enable_hashjoin=off -c enable_mergejoin=off"
                idleInTransaction
                match builder.Options with
                | null -> ()
                | given -> given
            ]

        NpgsqlDataSource.Create builder

    /// Sends the statements in one round trip and hands each result, in order, to its reader.
    let run (work: Work) (statements: (NpgsqlBatchCommand * (DbDataReader -> unit)) list) : Task = task {
        if not statements.IsEmpty then
            use batch = new NpgsqlBatch(work.Connection, work.Transaction)

            for statement, _ in statements do
                batch.BatchCommands.Add statement

            use! reader = batch.ExecuteReaderAsync()

            for index, (_, read) in List.indexed statements do
                if index > 0 then
                    let! _ = reader.NextResultAsync()
                    ()

                let mutable more = true

                while more do
                    let! next = reader.ReadAsync()
                    more <- next

                    if next then
                        read reader
    }

    /// For a statement whose rows nobody needs. Every statement here returns rows, so that results and
    /// readers match.
    let ignoreRows (_: DbDataReader) = ()

    let textOrNone (reader: DbDataReader) column =
        if reader.IsDBNull column then
            None
        else
            Some(reader.GetString column)

    let instantOf (reader: DbDataReader) column =
        DateTimeOffset(reader.GetFieldValue<DateTime> column, TimeSpan.Zero)

    /// What to tell when the database cannot be used; None for an error that is a mistake in a statement.
    let private unavailable (problem: exn) =
        match problem with
        | :? PostgresException as refused ->
            match refused.SqlState with
            | PostgresErrorCodes.UndefinedTable
            | PostgresErrorCodes.InvalidSchemaName ->
                Some "The database has not been migrated for this build. Run the migrations (bot db migrate)."
            | state when
                [ "08"; "28"; "3D"; "53"; "55"; "57"; "58"; "25006"; "25P03"; "25P04" ]
                |> List.exists (fun prefix -> state.StartsWith(prefix, StringComparison.Ordinal))
                ->
                Some(String.Concat("PostgreSQL refuses work: ", refused.MessageText))
            | _ -> None
        | :? NpgsqlException
        | :? TimeoutException
        | :? Net.Sockets.SocketException ->
            Some(String.Concat("PostgreSQL cannot be reached: ", problem.Message, " Check DATABASE_URL."))
        | _ -> None

    /// Another transaction was in the way; the same work will succeed when it is done again.
    let collided (problem: exn) =
        match problem with
        | Collision _ -> true
        | :? PostgresException as refused ->
            refused.SqlState = PostgresErrorCodes.DeadlockDetected
            || refused.SqlState = PostgresErrorCodes.SerializationFailure
            || refused.SqlState = PostgresErrorCodes.UniqueViolation
        | _ -> false

    /// How often work that collides is done again before it is reported as unavailable.
    let private mostTries = 6

    /// Does the work in one transaction (READ COMMITTED) and commits it. Work that collides with another
    /// transaction is done again from the start.
    /// When the connection breaks during COMMIT nobody knows whether it happened. The caller gets
    /// StoreUnavailable and does the whole again; that is harmless, since all that is written is unique by
    /// key: an inbox entry by its source id, an event by its version, a command by its key, an end by its id. (A
    /// webhook's body is then stored twice; what was read in it counts once.)
    let transact (source: NpgsqlDataSource) (work: Work -> Task<'T>) : Task<'T> =
        let once () = task {
            try
                use! connection = source.OpenConnectionAsync()
                use! transaction = connection.BeginTransactionAsync()

                let! result =
                    work {
                        Connection = connection
                        Transaction = transaction
                    }

                do! transaction.CommitAsync()
                return Ok result
            with problem ->
                return Error problem
        }

        let rec attempt number = task {
            match! once () with
            | Ok result -> return result
            | Error problem when collided problem && number < mostTries -> return! attempt (number + 1)
            | Error problem when collided problem ->
                let message =
                    String.Concat("Other work on the same rows kept being in the way: ", problem.Message)

                return raise (StoreUnavailable(message, problem))
            | Error problem ->
                match unavailable problem with
                | Some message -> return raise (StoreUnavailable(message, problem))
                | None ->
                    Runtime.ExceptionServices.ExceptionDispatchInfo.Throw problem
                    return Unchecked.defaultof<'T>
        }

        attempt 1
