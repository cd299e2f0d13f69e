/// Runs the tests, and the benchmarks, against a PostgreSQL of their own.
module FunctionalBot.Build.Tests

open System
open System.IO
open System.Text.RegularExpressions
open FunctionalBot.Build.Processes
open FunctionalBot.Build.SetUp

/// How many tests ended how.
type Summary = {
    Passed: int
    Failed: int
    Skipped: int
}

/// The summary when the tests could not be run at all: that is a failure.
let nothingRan: Summary = { Passed = 0; Failed = 1; Skipped = 0 }

/// The last line of a test run, which scripts read.
let describe (summary: Summary) : string =
    $"%d{summary.Passed} passed, %d{summary.Failed} failed, %d{summary.Skipped} skipped"

/// The test runner's arguments for what was typed behind `test`. `--filter TEXT` runs the tests whose full
/// name contains the text, and `--filter /a/b/c/d` is the runner's own query language; what stands behind
/// `--` is handed on as it is.
let rec runnerArguments (typed: string list) : Result<string list, string> =
    match typed with
    | [] -> Ok []
    | "--" :: rest -> Ok rest
    | "--filter" :: query :: rest when query.StartsWith '/' ->
        runnerArguments rest |> Result.map (fun others -> "-filter" :: query :: others)
    | "--filter" :: text :: rest ->
        runnerArguments rest
        |> Result.map (fun others -> "-method" :: $"*%s{text}*" :: others)
    | other :: _ ->
        Error $"`test` does not know %s{other}. It takes --filter TEXT, and -- before the runner's flags."

/// Reads the runner's line "Total: 5, Errors: 0, Failed: 1, Skipped: 2, Not Run: 0". Errors are failures
/// outside a test.
let parseSummary (line: string) : Summary option =
    let pattern =
        @"Total: (\d+), Errors: (\d+), Failed: (\d+), Skipped: (\d+), Not Run: (\d+)"

    match Regex.Match(line, pattern) with
    | found when found.Success ->
        let number (group: int) = int found.Groups[group].Value

        Some {
            Passed = number 1 - number 3 - number 4 - number 5
            Failed = number 2 + number 3
            Skipped = number 4
        }
    | _ -> None

/// The browser that the tests of pages drive, where there is one.
let private chromium () : string option =
    match Environment.GetEnvironmentVariable "BOT_TEST_CHROMIUM" with
    | null
    | "" ->
        [ "chromium"; "chromium-browser"; "google-chrome" ]
        |> List.tryPick PostgresPrograms.onPath
    | given -> Some given

/// Starts a PostgreSQL in a temporary folder, hands its connection string to `work`, and removes it whatever
/// happened.
let private withDatabase (context: Context) (fast: bool) (work: string -> Result<'value, string>) =
    let folder =
        Path.Combine(Path.GetTempPath(), "functionalbot-" + Path.GetRandomFileName())

    let started =
        Steps.step "PostgreSQL in a temporary folder" (fun () ->
            PrivatePostgres.start {
                Project = context.Project
                Folder = folder
                Fast = fast
            })

    match started with
    | Error problem ->
        PrivatePostgres.discard folder |> ignore
        Error problem
    | Ok cluster ->
        try
            work cluster.Connection
        finally
            match PrivatePostgres.remove cluster with
            | Ok() -> ()
            | Error problem -> Console.Error.WriteLine problem

/// The runner's greeting and its progress say nothing that the summary does not.
let private worthShowing (line: string) : string option =
    let noise = [ "xUnit.net"; "  Discover"; "  Starting:"; "  Finished:"; "=== TEST" ]

    if noise |> List.exists line.StartsWith || (parseSummary line).IsSome then
        None
    else
        Some line

/// Runs the built tests. An error means that they could not be run, or broke off without a summary.
let run (context: Context) (arguments: string list) : Result<Summary, string> =
    withDatabase context true (fun database ->
        let tests =
            Path.Combine(context.Project, "tests", "bin", "Release", "net10.0", "FunctionalBot.Tests.dll")

        let wanted = {
            dotnet context (tests :: "-noColor" :: "-noLogo" :: arguments) with
                Environment = [
                    "BOT_TEST_DATABASE", database
                    match chromium () with
                    | Some browser -> "BOT_TEST_CHROMIUM", browser
                    | None -> ()
                ]
        }

        Console.Out.WriteLine "  Tests"

        let finished =
            Steps.shown worthShowing (TimeSpan.FromMinutes 20.0) context.Interrupted wanted

        let summary = finished.Output.Split '\n' |> Array.rev |> Array.tryPick parseSummary

        match summary with
        | Some counted when counted.Passed + counted.Failed + counted.Skipped = 0 ->
            Error "No test was run: nothing matches."
        | Some counted when counted.Failed = 0 && finished.Code <> 0 ->
            Error $"The tests passed, but their program ended with exit code %d{finished.Code}."
        | Some counted -> Ok counted
        | None -> Error $"The tests broke off with exit code %d{finished.Code}.")

/// Runs a benchmark project that has been built, with BOT_BENCH_DATABASE set to a PostgreSQL as `demo` would
/// run it. What it writes to standard output goes to `results`, and everything else to where steps are told of.
let bench
    (context: Context)
    (results: TextWriter)
    (project: string)
    (arguments: string list)
    : Result<unit, string> =
    withDatabase context false (fun database ->
        let run = [ "run"; "--no-build"; "-c"; "Release"; "--project"; project; "--" ]

        let wanted = {
            dotnet context (run @ arguments) with
                Environment = [ ("BOT_BENCH_DATABASE", database) ]
        }

        let show stream (line: string) =
            match stream with
            | StandardOutput -> results.WriteLine line
            | StandardError -> Console.Out.WriteLine line

            true

        let finished =
            Steps.shownBy show (TimeSpan.FromHours 2.0) context.Interrupted wanted

        if finished.Code = 0 then
            Ok()
        else
            Error $"The benchmark ended with exit code %d{finished.Code}.")
