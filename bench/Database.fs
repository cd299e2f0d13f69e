/// A database of the benchmark's own in the server that it is given, so that whatever lies there stays as
/// it is.
module FunctionalBot.Bench.Database

open System
open Npgsql
open FunctionalBot.Effects

/// The database, and the server that holds it.
type BenchDatabase = {
    /// Where the benchmark was told to go; used to make and to drop.
    Server: string
    Name: string
    /// The connection string of the database; holds the password.
    Connection: string
    /// The number of PostgreSQL's main process. Of use only where the server runs on this machine.
    Postmaster: int option
    /// The folder of the server's programs.
    Programs: string
}

let private execute (connection: string) (sql: string) =
    use source = NpgsqlDataSource.Create connection
    use command = source.CreateCommand sql
    command.ExecuteNonQuery() |> ignore

let private scalar<'Value> (connection: string) (sql: string) : 'Value =
    use source = NpgsqlDataSource.Create connection
    use command = source.CreateCommand sql

    match command.ExecuteScalar() with
    | :? 'Value as value -> value
    | other -> invalidOp $"%s{sql} gave %A{other}"

let private withPool pool (connection: string) =
    NpgsqlConnectionStringBuilder(connection, Pooling = pool)

/// The parent of the process that serves a connection. A server elsewhere has numbers too, which name
/// nothing here, or something else: only a parent that is a PostgreSQL counts.
let private postmasterOf (server: string) : int option =
    use source = NpgsqlDataSource.Create server
    use connection = source.OpenConnection()

    Machine.parentOf connection.ProcessID
    |> Option.filter (fun parent -> (Machine.commandLineOf parent).Contains "postgres")

/// The server's version, for example "15.18".
let version (server: string) : string =
    scalar server "SELECT current_setting('server_version')"

let mutable private made = 0

/// Makes a database with a name of its own and the bot's tables in it.
let private create (server: string) : BenchDatabase =
    let server = (withPool false server).ConnectionString
    made <- made + 1
    let name = $"functionalbot_bench_%d{Environment.ProcessId}_%d{made}"
    execute server $"DROP DATABASE IF EXISTS %s{name} WITH (FORCE)"
    execute server $"CREATE DATABASE %s{name}"
    let connection = withPool true server
    connection.Database <- name

    match (Migrations.run connection.ConnectionString).GetAwaiter().GetResult() with
    | Ok _ -> ()
    | Error problem -> invalidOp (Migrations.explain problem)

    {
        Server = server
        Name = name
        Connection = connection.ConnectionString
        Postmaster = postmasterOf server
        Programs = scalar server "SELECT setting FROM pg_config WHERE name = 'BINDIR'"
    }

/// Drops it, whoever is still connected.
let private drop (database: BenchDatabase) : unit =
    NpgsqlConnection.ClearAllPools()

    try
        execute database.Server $"DROP DATABASE IF EXISTS %s{database.Name} WITH (FORCE)"
    with :? NpgsqlException as problem ->
        eprintfn "  The database %s is left behind: %s" database.Name problem.Message

/// Does the work on a database of its own, so that no part finds what another has left: the streams that replay is
/// measured with have timers, which a bot would fire.
let using (server: string) (work: BenchDatabase -> 'Found) : 'Found =
    let database = create server

    try
        work database
    finally
        drop database

/// The number of the last event in any stream; 0 before the first.
let lastEvent (database: BenchDatabase) : int64 =
    scalar database.Connection "SELECT coalesce(max(seq_id), 0) FROM public.mt_events"

/// How many events were written after the one with this number.
let eventsSince (database: BenchDatabase) (last: int64) : int64 =
    scalar database.Connection $"SELECT count(*) FROM public.mt_events WHERE seq_id > %d{last}"

/// Settings of the server that are not at their defaults and change what is measured, as "name=value".
let describeServer (server: string) : string =
    scalar
        server
        "SELECT coalesce(string_agg(name || '=' || current_setting(name), ', ' ORDER BY name), 'none')
        FROM pg_settings WHERE setting IS DISTINCT FROM boot_val AND name IN ('autovacuum', 'checkpoint_timeout',
            'commit_delay', 'fsync', 'full_page_writes', 'jit', 'max_connections', 'max_wal_size', 'shared_buffers',
            'synchronous_commit', 'wal_compression', 'wal_level', 'work_mem')"
