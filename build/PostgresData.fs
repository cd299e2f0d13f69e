/// What lies in the folder of a private PostgreSQL: the data, the superuser's password, the settings and the
/// log.
module FunctionalBot.Build.PostgresData

open System
open System.Globalization
open System.IO
open System.Security.Cryptography
open FunctionalBot.Build.Processes
open FunctionalBot.Build.PostgresPrograms

/// The name of both the superuser and the database that is made for it.
let owner = "bot"

/// PostgreSQL's data folder.
let dataIn (folder: string) = Path.Combine(folder, "cluster")

/// PostgreSQL's own log.
let logIn (folder: string) = Path.Combine(folder, "postgres.log")

/// The file with the superuser's password, readable by its owner only.
let passwordIn (folder: string) = Path.Combine(folder, "password")

/// The last lines of PostgreSQL's own log.
let lastLines (folder: string) (count: int) : string =
    match logIn folder with
    | log when File.Exists log ->
        let lines = File.ReadAllLines log
        String.Join("\n", Array.skip (max 0 (lines.Length - count)) lines)
    | _ -> ""

/// The major version that wrote the data in a folder; None when there is no data.
let majorOf (folder: string) : int option =
    match Path.Combine(dataIn folder, "PG_VERSION") with
    | file when File.Exists file ->
        match
            Int32.TryParse(File.ReadAllText(file).Trim(), NumberStyles.None, CultureInfo.InvariantCulture)
        with
        | true, major -> Some major
        | false, _ -> None
    | _ -> None

/// An error value that shows what a program of PostgreSQL wrote, and the end of PostgreSQL's log.
let failed (what: string) (finished: Finished) (folder: string) =
    Error $"%s{what} (exit code %d{finished.Code}).\n%s{finished.Output.Trim()}\n%s{lastLines folder 15}"

/// Root writes files that PostgreSQL's user has to read.
let private giveTo (user: RunAs) (file: string) : unit =
    match user with
    | Ourselves -> ()
    | Nobody(_, owner) -> run (invocation "/" "chown" [ owner; file ]) |> ignore

let private writePassword (user: RunAs) (folder: string) : unit =
    let file = passwordIn folder
    let onlyOwner = UnixFileMode.UserRead ||| UnixFileMode.UserWrite
    let options = FileStreamOptions(Mode = FileMode.Create, Access = FileAccess.Write)

    if not (OperatingSystem.IsWindows()) then
        options.UnixCreateMode <- onlyOwner

    // Hexadecimal digits need no quoting in a connection string.
    use writer = new StreamWriter(file, options)
    writer.Write(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes 24))
    writer.Close()

    giveTo user file

/// C.UTF-8 sorts by code point, knows the letters of every language and does not change with the system's
/// libraries. PostgreSQL brings it itself from 17 on; before that the system has it or has not.
let private locales (major: int) : string list list =
    if major >= 17 then
        [ [ "--locale=C"; "--locale-provider=builtin"; "--builtin-locale=C.UTF-8" ] ]
    else
        [ [ "--locale=C.UTF-8" ]; [ "--locale=C" ] ]

/// Makes the data folder with its superuser and database. It appears under its final name only when it is
/// whole.
let initialise (programs: Programs) (fast: bool) (folder: string) : Result<unit, string> =
    let unfinished = dataIn folder + ".new"

    let attempt locale =
        // Whatever a run that was killed has left is of no use.
        if Directory.Exists unfinished then
            Directory.Delete(unfinished, recursive = true)

        run (
            invoke programs "initdb" [
                "--pgdata"
                unfinished
                "--username"
                owner
                $"--pwfile=%s{passwordIn folder}"
                "--auth=scram-sha-256"
                "--encoding=UTF8"
                "--no-instructions"
                if fast then
                    "--no-sync"
                yield! locale
            ]
        )

    writePassword programs.RunAs folder
    let tries = locales programs.Major |> Seq.map attempt |> Seq.cache

    match tries |> Seq.tryFind (fun finished -> finished.Code = 0) with
    | None -> failed "initdb could not make the database" (Seq.last tries) folder
    | Some _ ->
        // The database is made in single-user mode, since npm's package has no client program.
        let single = invoke programs "postgres" [ "--single"; "-D"; unfinished; "postgres" ]

        let made =
            run {
                single with
                    Input = $"CREATE DATABASE %s{owner} OWNER %s{owner};\n"
            }

        if made.Code = 0 && not (made.Output.Contains "ERROR") then
            File.AppendAllText(
                Path.Combine(unfinished, "postgresql.conf"),
                "\ninclude 'functionalbot.conf'\n"
            )

            Directory.Move(unfinished, dataIn folder)
            Ok()
        else
            failed $"The database %s{owner} could not be made" made folder

/// Settings for a machine of about two cores that the bot shares. Rows of customers must not reach
/// PostgreSQL's log: neither statements nor the detail lines of errors are written there.
let writeSettings (user: RunAs) (fast: bool) (folder: string) : unit =
    let safety =
        if fast then
            [ "fsync = off"; "full_page_writes = off" ]
        else
            [ "fsync = on"; "full_page_writes = on" ]

    let lines = [
        "listen_addresses = '127.0.0.1'"
        "unix_socket_directories = ''"
        "max_connections = 100"
        "shared_buffers = 256MB"
        "effective_cache_size = 1GB"
        "work_mem = 8MB"
        "maintenance_work_mem = 64MB"
        "max_wal_size = 1GB"
        "checkpoint_timeout = 15min"
        "random_page_cost = 1.1"
        "jit = off"
        "synchronous_commit = on"
        "password_encryption = 'scram-sha-256'"
        "timezone = 'UTC'"
        "log_timezone = 'UTC'"
        "log_error_verbosity = terse"
        "log_min_error_statement = panic"
        yield! safety
    ]

    let file = Path.Combine(dataIn folder, "functionalbot.conf")
    File.WriteAllLines(file, lines)
    giveTo user file
