/// `bot session export` and `bot session save-test`
module FunctionalBot.Web.SessionFiles

open System
open System.IO
open System.Security.Cryptography
open System.Text
open System.Text.Json.Nodes
open System.Text.RegularExpressions
open System.Threading.Tasks
open Argu
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Replay
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.SessionArguments
open FunctionalBot.Web.SessionDesk

let private step = Transition.transition

let private refused reason =
    Error {
        ExitCode = ExitCode.refused
        Reason = reason
    }

let private broken (problem: StreamProblem) : Result<'Value, Refusal> =
    Error {
        ExitCode = ExitCode.problems
        Reason = $"The stream breaks at version %d{problem.Version}: %s{problem.Problem}"
    }

/// The conversation without personal data, or why it cannot be had: the stand-ins change what it comes to, or do not
/// stand everywhere.
let private masked (recorded: RecordedStream) : Result<Regression, Refusal> =
    match RecordedStream.sessionOf recorded, RecordedStream.events recorded with
    | Error problem, _
    | _, Error problem -> broken problem
    | Ok session, Ok events ->
        let cover = Masking.events session events

        match Masking.parts step (session, events) cover with
        | Some version ->
            refused (
                $"With stand-ins for personal data this conversation goes another way from event %d{version} on, "
                + "so it would test something else. Nothing was written. "
                + "`bot session export` without --mask keeps it as it is, personal data and all."
            )
        | None ->
            match Regression.ofRows step true (fst cover) (Regression.rowsOf (snd cover)) with
            | Error problem -> broken problem
            | Ok regression when not (Regression.check step regression).IsEmpty ->
                refused
                    "What was made of this conversation does not come back as it was written. Nothing was written."
            | Ok regression ->
                match Masking.leaks session events (Regression.write regression) with
                | 0 -> Ok regression
                | count ->
                    refused (
                        $"%d{count} ids, phones, names or addresses of this conversation still stand in the file. "
                        + "Nothing was written."
                    )

let private plain (recorded: RecordedStream) : Result<Regression, Refusal> =
    match RecordedStream.sessionOf recorded, RecordedStream.events recorded with
    | Error problem, _
    | _, Error problem -> broken problem
    | Ok session, Ok _ ->
        match Regression.ofRows step false session recorded.Rows with
        | Ok regression -> Ok regression
        | Error problem -> broken problem

/// The recorded stream; says so where this build decides otherwise than was recorded.
let private read (source: NpgsqlDataSource) (stream: string) : Task<RecordedStream> = task {
    let! recorded =
        RecordedStreams.at source (fun snapshot -> RecordedStreams.read snapshot [| stream |])

    let! would = Replaying.whatIf source step [| stream |]

    for _, parting in would.Found do
        Output.say (
            $"This build decides otherwise than was recorded from event %d{parting.At} on "
            + "(`bot session whatif` says how); the file expects what this build decides."
        )

    return Array.exactlyOne recorded
}

/// What was written, or would be.
[<NoComparison>]
type private Written = {
    File: string
    Regression: Regression
    Dry: bool
}

let private tell json verb (written: Written) =
    let events = written.Regression.Rows.Length
    let commands = written.Regression.Commands.Length

    if json then
        let root = document verb
        root["file"] <- JsonValue.Create written.File
        root["written"] <- JsonValue.Create(not written.Dry)
        root["masked"] <- JsonValue.Create written.Regression.Masked
        root["events"] <- JsonValue.Create events
        root["commands"] <- JsonValue.Create commands
        Output.writeJson root
    else
        let done' = if written.Dry then "Would write" else "Wrote"
        Output.say $"%s{done'} %s{written.File}: %d{events} events, %d{commands} commands."

let private writeFile yes dry (file: string) (regression: Regression) : Result<Written, Refusal> =
    let written = {
        File = file
        Regression = regression
        Dry = dry
    }

    if File.Exists file && not yes then
        refused $"%s{file} is there already. Choose another name, or write over it with --yes."
    elif dry then
        Ok written
    else
        try
            match Path.GetDirectoryName(Path.GetFullPath file) with
            | null -> ()
            | folder -> Directory.CreateDirectory folder |> ignore

            File.WriteAllText(file, Regression.write regression)
            Ok written
        with
        | :? IOException as problem -> refused $"%s{file} cannot be written: %s{problem.Message}"
        | :? UnauthorizedAccessException as problem ->
            refused $"%s{file} cannot be written: %s{problem.Message}"

let private finish json verb outcome =
    match outcome with
    | Error refusal -> refuse refusal
    | Ok written ->
        tell json verb written
        ExitCode.ok

/// Writes one session as a regression file.
let export (connection: string) (given: ParseResults<ExportArguments>) : int =
    let json = given.Contains ExportArguments.Json

    let make (recorded: RecordedStream) =
        let regression =
            if given.Contains ExportArguments.Mask then
                masked recorded
            else
                plain recorded

        match regression, given.TryGetResult ExportArguments.Out with
        | Error refusal, _ -> refuse refusal
        | Ok regression, (None | Some "-") ->
            Console.Out.Write(Regression.write regression)
            ExitCode.ok
        | Ok regression, Some file ->
            writeFile
                (given.Contains ExportArguments.Yes)
                (given.Contains ExportArguments.Dry_Run)
                file
                regression
            |> finish json "export"

    let isForFile =
        given.Contains ExportArguments.Dry_Run
        || given.Contains ExportArguments.Yes
        || json

    match given.TryGetResult ExportArguments.Out with
    | (None | Some "-") when isForFile ->
        refuse {
            ExitCode = ExitCode.usage
            Reason =
                "--dry-run, --yes and --json go with --out FILE: without it the conversation itself is printed."
        }
    | _ ->
        withDatabase connection (fun source -> task {
            match!
                find source (given.Contains ExportArguments.Mask) (given.GetResult ExportArguments.Id)
            with
            | Error refusal -> return refuse refusal
            | Ok stream ->
                let! recorded = read source stream
                return make recorded
        })

let private nameFor (given: string option) (regression: Regression) : Result<string, Refusal> =
    match given with
    | Some name when Regex.IsMatch(name, "^[a-z0-9][a-z0-9-]{0,79}$") -> Ok name
    | Some name ->
        Error {
            ExitCode = ExitCode.usage
            Reason = $"--name %s{name} is no name: use a-z, 0-9 and -, at most 80 of them."
        }
    | None ->
        let phase =
            match regression.State |> List.tryFind (fun (field, _) -> field = "phase") with
            | Some(_, words) -> words.Split(';')[0]
            | None -> "session"

        let digest = SHA256.HashData(Encoding.UTF8.GetBytes(Regression.write regression))

        Ok(phase + "-" + Convert.ToHexStringLower(digest).Substring(0, 8))

/// Writes one session without personal data to `<data>/regressions`.
let saveTest (connection: string) (data: string) (given: ParseResults<SaveTestArguments>) : int =
    let make (recorded: RecordedStream) =
        masked recorded
        |> Result.bind (fun regression ->
            nameFor (given.TryGetResult SaveTestArguments.Name) regression
            |> Result.bind (fun name ->
                writeFile
                    (given.Contains SaveTestArguments.Yes)
                    (given.Contains SaveTestArguments.Dry_Run)
                    (Path.Combine(data, "regressions", name + ".json"))
                    regression))
        |> finish (given.Contains SaveTestArguments.Json) "save-test"

    withDatabase connection (fun source -> task {
        match! find source false (given.GetResult SaveTestArguments.Id) with
        | Error refusal -> return refuse refusal
        | Ok stream ->
            let! recorded = read source stream
            return make recorded
    })
