/// A database of the benchmark's own in the server that it is given, so that whatever lies there stays as
/// it is.
module FunctionalBot.Bench.Database

open System
open Npgsql

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
    Version: string
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

/// Makes an empty database with a name of its own.
let create (server: string) : BenchDatabase =
    let server = (withPool false server).ConnectionString
    let name = $"functionalbot_bench_%d{Environment.ProcessId}"
    execute server $"DROP DATABASE IF EXISTS %s{name} WITH (FORCE)"
    execute server $"CREATE DATABASE %s{name}"
    let connection = withPool true server
    connection.Database <- name

    {
        Server = server
        Name = name
        Connection = connection.ConnectionString
        Postmaster = postmasterOf server
        Programs = scalar server "SELECT setting FROM pg_config WHERE name = 'BINDIR'"
        Version = scalar server "SELECT current_setting('server_version')"
    }

/// Drops it, whoever is still connected.
let drop (database: BenchDatabase) : unit =
    NpgsqlConnection.ClearAllPools()
    execute database.Server $"DROP DATABASE IF EXISTS %s{database.Name} WITH (FORCE)"
