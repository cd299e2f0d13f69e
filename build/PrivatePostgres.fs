/// A PostgreSQL of one's own: made, started and stopped without any right on the machine, listening on
/// 127.0.0.1 only. The command `demo` and the tests use it; nothing that serves customers does.
module FunctionalBot.Build.PrivatePostgres

open System
open System.IO
open System.Net
open System.Net.Sockets
open FunctionalBot.Build.Processes
open FunctionalBot.Build.PostgresPrograms
open FunctionalBot.Build.PostgresData

/// What is asked for.
type Settings = {
    /// The project's folder, in whose node_modules npm may have put PostgreSQL's programs.
    Project: string
    /// Where to keep the data, the password and the log; it is made when it is not there. A folder that holds
    /// data from an earlier start is used again.
    Folder: string
    /// For tests: gives up what only protects against a crash of the machine (fsync). A crash of PostgreSQL
    /// alone still loses nothing.
    Fast: bool
}

/// A PostgreSQL that accepts connections.
type Cluster = {
    /// What was asked for.
    Settings: Settings
    /// The programs that run it.
    Programs: Programs
    /// Where data, password and log really lie: `Settings.Folder`, unless PostgreSQL's user cannot reach
    /// that.
    Folder: string
    /// The TCP port on 127.0.0.1.
    Port: int
    /// The connection string in Npgsql's form, password included: not for logs.
    Connection: string
}

/// The major version that the data kept for `wanted` needs, so that a set-up knows which programs to bring.
let requiredMajor (wanted: string) : int option =
    runAs ()
    |> Result.bind (fun user -> PostgresPlace.claim user wanted)
    |> Result.toOption
    |> Option.bind majorOf

/// The process id in postmaster.pid, whether that process lives or not.
let private recordedProcess (folder: string) : int option =
    match Path.Combine(dataIn folder, "postmaster.pid") with
    | file when File.Exists file ->
        match File.ReadLines file |> Seq.tryHead |> Option.map Int32.TryParse with
        | Some(true, number) -> Some number
        | _ -> None
    | _ -> None

/// The process id of the server that runs on the data in a folder; None when there is none. A postmaster.pid
/// alone does not count: after a crash its number may belong to any other program.
let processId (folder: string) : int option =
    recordedProcess folder
    |> Option.filter (fun number ->
        let commandLine = commandLineOf number
        commandLine.Contains "postgres" && commandLine.Contains(dataIn folder))

/// Whether nobody listens on a port of 127.0.0.1.
let isFree (port: int) : bool =
    use listener = new TcpListener(IPAddress.Loopback, port)

    try
        listener.Start()
        true
    with :? SocketException ->
        false

let private anyFreePort () : int =
    use listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    (listener.LocalEndpoint :?> IPEndPoint).Port

/// The port of the last time, if nobody has taken it since: tools that are connected find the database again.
let private choosePort (folder: string) : int =
    let file = Path.Combine(folder, "port")

    let last =
        if File.Exists file then
            File.ReadAllText(file).Trim()
        else
            ""

    let port =
        match Int32.TryParse last with
        | true, port when isFree port -> port
        | _ -> anyFreePort ()

    File.WriteAllText(file, string port)
    port

let private control (programs: Programs) (folder: string) (arguments: string list) : Finished =
    run (invoke programs "pg_ctl" (arguments @ [ "--pgdata"; dataIn folder; "--wait"; "--timeout"; "60" ]))

/// Waits until the server on a folder is gone, for at most `left`.
let rec private waitUntilGone (folder: string) (left: TimeSpan) : bool =
    match processId folder with
    | None -> true
    | Some _ when left <= TimeSpan.Zero -> false
    | Some _ ->
        let pause = TimeSpan.FromMilliseconds 50.0
        Threading.Thread.Sleep pause
        waitUntilGone folder (left - pause)

let private stopWith (mode: string) (programs: Programs) (folder: string) : Result<unit, string> =
    match processId folder with
    | None -> Ok()
    | Some _ ->
        let stopped = control programs folder [ "stop"; "--mode"; mode ]

        if stopped.Code = 0 || waitUntilGone folder (TimeSpan.FromSeconds 5.0) then
            Ok()
        else
            failed "PostgreSQL did not stop" stopped folder

/// A server that is still there was left by a run that was killed: it is stopped, since nobody else will. A
/// postmaster.pid without its server would stop the next start as soon as another program has got its number:
/// it is removed.
let private clearLeftovers (programs: Programs) (folder: string) : Result<unit, string> =
    stopWith "fast" programs folder
    |> Result.map (fun () -> File.Delete(Path.Combine(dataIn folder, "postmaster.pid")))

/// The log would otherwise grow for ever: past this many bytes it begins anew.
let private largestLog = 5_000_000L

let private trimLog (folder: string) : unit =
    let log = FileInfo(logIn folder)

    if log.Exists && log.Length > largestLog then
        log.Delete()

/// Between the choice of a port and its use somebody else may take it; and after a kill the server's children
/// hold their shared memory for a moment. Both pass.
let private passes (message: string) : bool =
    message.Contains "in use" || message.Contains "could not bind"

let rec private launch (programs: Programs) (folder: string) (attempts: int) : Result<int, string> =
    trimLog folder
    let port = choosePort folder

    let started =
        control programs folder [ "start"; "--log"; logIn folder; "--options"; $"-p %d{port}" ]

    if started.Code = 0 then
        Ok port
    elif attempts > 1 && passes (lastLines folder 5) then
        Threading.Thread.Sleep 500
        launch programs folder (attempts - 1)
    else
        failed "PostgreSQL did not start" started folder

let private connectionTo (folder: string) (port: int) : string =
    let password = File.ReadAllText(passwordIn folder).Trim()
    $"Host=127.0.0.1;Port=%d{port};Username=%s{owner};Password=%s{password};Database=%s{owner}"

/// Starts the PostgreSQL that is kept in `settings.Folder`: makes its data the first time, uses it again
/// later, and recovers from any way in which an earlier run may have ended. Returns once connections are
/// accepted.
let start (settings: Settings) : Result<Cluster, string> =
    let claimed =
        runAs () |> Result.bind (fun user -> PostgresPlace.claim user settings.Folder)

    match claimed with
    | Error problem -> Error problem
    | Ok folder ->
        let initialised = majorOf folder

        find settings.Project initialised
        |> Result.bind PostgresPlace.reachable
        |> Result.bind (fun programs ->
            let made =
                match initialised with
                | Some _ -> Ok()
                | None -> initialise programs settings.Fast folder

            made
            |> Result.bind (fun () -> clearLeftovers programs folder)
            |> Result.bind (fun () ->
                writeSettings programs.RunAs settings.Fast folder
                launch programs folder 10)
            |> Result.map (fun port -> {
                Settings = settings
                Programs = programs
                Folder = folder
                Port = port
                Connection = connectionTo folder port
            }))

/// Stops the server after the transactions that have ended are safe; open connections are cut. The data
/// stays.
let stop (cluster: Cluster) : Result<unit, string> =
    stopWith "fast" cluster.Programs cluster.Folder

/// Stops the server as a crash would: at once, without writing anything more. The next start recovers from
/// the log.
let stopImmediately (cluster: Cluster) : Result<unit, string> =
    stopWith "immediate" cluster.Programs cluster.Folder

/// Stops the server and starts it again on the same data, on the same port unless somebody takes it in
/// between.
let restart (cluster: Cluster) : Result<Cluster, string> =
    stop cluster |> Result.bind (fun () -> start cluster.Settings)

/// Kills the server that runs on the data kept for `wanted`, if there is one, and deletes data, password and
/// log.
let discard (wanted: string) : Result<unit, string> =
    runAs ()
    |> Result.bind (fun user -> PostgresPlace.claim user wanted)
    |> Result.bind (fun folder ->
        processId folder |> Option.iter killById

        if waitUntilGone folder (TimeSpan.FromSeconds 10.0) then
            Ok(PostgresPlace.discard wanted)
        else
            Error $"PostgreSQL in %s{folder} could not be stopped; stop it by hand and try again.")

/// Stops the server and deletes its data, password and log.
let remove (cluster: Cluster) : Result<unit, string> =
    stopImmediately cluster
    |> Result.map (fun () -> PostgresPlace.discard cluster.Settings.Folder)
