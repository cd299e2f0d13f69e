/// The program `bot`.
module FunctionalBot.Web.Program

open System
open System.IO
open System.Reflection
open Argu
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.Configuration
open FunctionalBot.Web.Setting

/// The data folder: in the current folder, else beside the program or above it (a checkout).
let private dataFolder () =
    let rec above (folder: DirectoryInfo | null) =
        match folder with
        | null -> "data"
        | found ->
            let candidate = Path.Combine(found.FullName, "data", "phrases")

            if Directory.Exists candidate then
                Path.Combine(found.FullName, "data")
            else
                above found.Parent

    if Directory.Exists(Path.Combine("data", "phrases")) then
        "data"
    else
        above (DirectoryInfo AppContext.BaseDirectory)

let private printProblems (problems: Problem list) =
    // What several settings are read from is told once.
    let problems = List.distinct problems
    eprintfn "The bot cannot start; %i setting(s) need attention:" problems.Length

    for problem in problems do
        eprintfn "  %s %s" problem.Name problem.Wrong
        eprintfn "      fix: %s" problem.Mend

    eprintfn "Set them in the environment or in a .env file; .env.example explains each."

let private envFile (arguments: ParseResults<Arguments>) =
    arguments.GetResult(Arguments.Env_File, ".env")

let private settingsOf (arguments: ParseResults<Arguments>) : Source =
    Setting.source Environment.GetEnvironmentVariable (Some(envFile arguments))

let private withConfiguration (arguments: ParseResults<Arguments>) (work: Configuration -> Source -> int) =
    let source = settingsOf arguments

    match Configuration.read (dataFolder ()) source with
    | Ok configuration -> work configuration source
    | Error problems ->
        printProblems problems
        ExitCode.configuration

let private runHost (switches: TestSwitches.TestSwitches) (configuration: Configuration) texts =
    use log = Logging.create configuration.Logs configuration.LogLevel

    try
        match (Host.run switches.World configuration texts log switches.Reached).GetAwaiter().GetResult() with
        | Ok() -> ExitCode.ok
        | Error(Host.UnfitDatabase problem) ->
            log.Error("{Problem}", problem)
            ExitCode.unreachable
    with
    | :? IOException as problem ->
        log.Error("Cannot listen on {Urls}: {Problem}", configuration.Urls, problem.Message)
        ExitCode.unreachable
    | problem ->
        log.Fatal(problem, "This is a fault of the program")
        ExitCode.fault

let private serve (arguments: ParseResults<Arguments>) (given: ParseResults<ServeArguments>) =
    withConfiguration arguments (fun configuration source ->
        let configuration =
            match given.TryGetResult ServeArguments.Urls with
            | Some urls -> { configuration with Urls = urls }
            | None -> configuration

        match NumberTexts.load configuration with
        | Error problems ->
            eprintfn "The bot cannot start; its texts have %i problem(s):" problems.Length

            for problem in problems do
                eprintfn "  %s" problem

            ExitCode.configuration
        | Ok texts ->
            match TestSwitches.read source Composition.world with
            | Error problems ->
                printProblems problems
                ExitCode.configuration
            | Ok switches -> runHost switches configuration texts)

let private doctor (arguments: ParseResults<Arguments>) (given: ParseResults<DoctorArguments>) =
    withConfiguration arguments (fun configuration _ ->
        let checks = (Doctor.examine configuration).GetAwaiter().GetResult()

        if given.Contains DoctorArguments.Json then
            Doctor.printJson checks
        else
            Doctor.print checks

        let isFine (check: Finding.Check) =
            match check.Finding with
            | Finding.Fine _ -> true
            | Finding.Wrong _ -> false

        if List.forall isFine checks then
            ExitCode.ok
        else
            ExitCode.problems)

let private session (arguments: ParseResults<Arguments>) given =
    match SessionVerbs.run (settingsOf arguments) (dataFolder ()) given with
    | Ok code -> code
    | Error problems -> DatabaseVerb.misconfigured problems

let private version () =
    let version =
        match Assembly.GetExecutingAssembly().GetName().Version with
        | null -> "unknown"
        | found -> found.ToString 3

    printfn "FunctionalBot %s" version
    ExitCode.ok

/// Exit codes are in `CommandLine.ExitCode`.
[<EntryPoint>]
let main words =
    try
        let arguments = parser.ParseCommandLine(words, raiseOnUsage = true)

        let isNamed = arguments.Contains Arguments.Env_File

        Output.behave {
            MayAsk = not (arguments.Contains Arguments.No_Input)
            HasColour = not (arguments.Contains Arguments.No_Color)
            ShowsProgress = not (arguments.Contains Arguments.Quiet)
        }

        match arguments.TryGetSubCommand(), Setting.fileProblem (envFile arguments) isNamed with
        | Some Arguments.Version, _ -> version ()
        | Some(Arguments.Env_File _ | Arguments.No_Color | Arguments.No_Input | Arguments.Quiet), _
        | None, _ ->
            printfn "%s" (parser.PrintUsage())
            ExitCode.ok
        | Some _, Some problem ->
            printProblems [ problem ]
            ExitCode.configuration
        | Some(Arguments.Serve given), None -> serve arguments given
        | Some(Arguments.Doctor given), None -> doctor arguments given
        | Some(Arguments.Status given), None -> Status.run (envFile arguments) given
        | Some(Arguments.Inbound given), None -> Inbound.run (envFile arguments) given
        | Some(Arguments.Outbox given), None -> Outbox.run (envFile arguments) given
        | Some(Arguments.Contact given), None -> Contact.run (envFile arguments) given
        | Some(Arguments.Db given), None -> DatabaseVerbs.run (envFile arguments) given
        | Some(Arguments.Session given), None -> session arguments given
        | Some(Arguments.WhatsApp given), None ->
            WhatsAppVerbs.run (settingsOf arguments) (dataFolder ()) given
    with
    | :? ArguParseException as problem ->
        if problem.ErrorCode = ErrorCode.HelpText then
            printfn "%s" problem.Message
            ExitCode.ok
        else
            eprintfn "%s" problem.Message
            ExitCode.usage
    | problem ->
        // What nobody foresaw may hold anything, so it is masked as in the logs.
        let words =
            problem.Message.Split([| '\r'; '\n' |], StringSplitOptions.RemoveEmptyEntries)

        eprintfn
            "This is a fault of the program: %s: %s"
            (problem.GetType().Name)
            (Logging.mask (String.Join(" ", words)))

        ExitCode.fault
