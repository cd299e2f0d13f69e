/// The PostgreSQL that the demo and the tests start for themselves.
module FunctionalBot.Tests.PrivatePostgresTests

open System
open System.IO
open FunctionalBot.Build
open FunctionalBot.Build.PrivatePostgres
open Npgsql
open Xunit

let private expect (result: Result<'value, string>) : 'value =
    match result with
    | Ok value -> value
    | Error problem -> failwith problem

/// Runs a test with a folder of its own, which is gone afterwards together with whatever runs in it.
let private withFolder (test: Settings -> unit) =
    let folder =
        Path.Combine(Path.GetTempPath(), "functionalbot-test-" + Path.GetRandomFileName())

    try
        test {
            Project = Repository.root
            Folder = folder
            Fast = true
        }
    finally
        discard folder |> expect

/// Pooling would hand out connections to a server that is gone by then.
let private query (cluster: Cluster) (sql: string) : obj | null =
    use connection = new NpgsqlConnection(cluster.Connection + ";Pooling=false")
    connection.Open()
    use command = new NpgsqlCommand(sql, connection)
    command.ExecuteScalar()

let private execute (cluster: Cluster) (sql: string) = query cluster sql |> ignore

let private writeOne (cluster: Cluster) =
    execute cluster "create table note (text text); insert into note values ('¿qué tal?')"

let private readOne (cluster: Cluster) =
    query cluster "select text from note" |> string

let private kill (cluster: Cluster) =
    match processId cluster.Folder with
    | None -> failwith "no server runs"
    | Some number ->
        use server = Diagnostics.Process.GetProcessById number
        // The server alone, as when it is killed for want of memory: its children notice and end.
        server.Kill()
        Assert.True(server.WaitForExit(TimeSpan.FromSeconds 20.0), "the server did not end")

// Each cluster takes a second or two to make, so that a test asks one of them more than one question.

[<Fact>]
let ``committed data is there after a restart, an immediate stop and a kill`` () =
    withFolder (fun settings ->
        let first = start settings |> expect
        writeOne first
        let restarted = restart first |> expect
        Assert.Equal("¿qué tal?", readOne restarted)
        Assert.Equal(first.Connection, restarted.Connection)
        stopImmediately restarted |> expect
        Assert.Equal(None, processId first.Folder)
        let recovered = start settings |> expect
        Assert.Equal("¿qué tal?", readOne recovered)
        kill recovered
        Assert.Equal("¿qué tal?", start settings |> expect |> readOne))

[<Fact>]
let ``neither a server that was left running nor a postmaster.pid of another program stops the start`` () =
    withFolder (fun settings ->
        let left = start settings |> expect
        let before = processId left.Folder
        let again = start settings |> expect
        Assert.NotEqual(before, processId again.Folder)
        Assert.Equal("1", query again "select 1" |> string)

        let file = Path.Combine(PostgresData.dataIn again.Folder, "postmaster.pid")
        let lines = File.ReadAllLines file
        kill again
        // A process that lives and is no ancestor of the server.
        use other = Diagnostics.Process.Start("sleep", "60")

        try
            lines[0] <- string other.Id
            File.WriteAllLines(file, lines)
            Assert.Equal(None, processId again.Folder)
            let third = start settings |> expect
            Assert.Equal("1", query third "select 1" |> string)
            Assert.False other.HasExited
        finally
            other.Kill())

[<Fact>]
let ``only this machine reaches the server, only with the password, and rows stay out of its log`` () =
    withFolder (fun settings ->
        let cluster = start settings |> expect
        Assert.Equal("127.0.0.1", query cluster "show listen_addresses" |> string)
        Assert.Equal("", query cluster "show unix_socket_directories" |> string)

        let wrong =
            NpgsqlConnectionStringBuilder(cluster.Connection, Password = "wrong").ConnectionString

        let refused =
            Assert.Throws<PostgresException>(fun () ->
                execute { cluster with Connection = wrong } "select 1")

        Assert.Equal(PostgresErrorCodes.InvalidPassword, refused.SqlState)

        if not (OperatingSystem.IsWindows()) then
            let mode = File.GetUnixFileMode(PostgresData.passwordIn cluster.Folder)
            Assert.Equal(UnixFileMode.UserRead ||| UnixFileMode.UserWrite, mode)

        execute cluster "create table customer (phone text primary key)"
        let insert = "insert into customer values ('+34600111222')"
        execute cluster insert
        Assert.Throws<PostgresException>(fun () -> execute cluster insert) |> ignore
        let log = PostgresData.lastLines cluster.Folder 1000
        Assert.Contains("duplicate key", log)
        Assert.DoesNotContain("600111222", log))

[<Fact>]
let ``only the fast one gives up the protection against a crash of the machine`` () =
    withFolder (fun settings ->
        let fast = start settings |> expect
        Assert.Equal("off", query fast "show fsync" |> string)
        stop fast |> expect
        let safe = start { settings with Fast = false } |> expect
        Assert.Equal("on", query safe "show fsync" |> string)
        Assert.Equal("on", query safe "show synchronous_commit" |> string))

[<Fact>]
let ``data of another major version is refused by name, and nothing is left of what is removed`` () =
    withFolder (fun settings ->
        let cluster = start settings |> expect
        let version = Path.Combine(PostgresData.dataIn cluster.Folder, "PG_VERSION")
        File.WriteAllText(version, "9\n")

        match start settings with
        | Ok _ -> failwith "it started"
        | Error problem -> Assert.Contains("PostgreSQL 9 (the data", problem)

        remove cluster |> expect
        Assert.False(Directory.Exists cluster.Folder)
        Assert.Equal(None, processId cluster.Folder))
