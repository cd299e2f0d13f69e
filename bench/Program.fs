/// The benchmark: `dotnet fsi build.fsx bench`. It reports; it asserts nothing.
module FunctionalBot.Bench.Program

open System
open Argu
open FunctionalBot.Bench.Measurement
open FunctionalBot.Bench.Parts

/// What the benchmark understands.
[<RequireQualifiedAccess>]
type Arguments =
    | Json
    | Only of Part list
    | Rounds of int
    | Seconds of float
    | Sessions of int

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Json -> "print the results as JSON, for scripts."
            | Only _ -> "run these parts only."
            | Rounds _ -> "rounds that are kept of each measurement (5)."
            | Sessions _ -> "sessions that are stored before the part \"stored\" (100000); 1000 to 1000000."
            | Seconds _ -> "seconds that a round takes, about (2); at most 10."

let private databaseVariable = "BOT_BENCH_DATABASE"

/// The parts that need a PostgreSQL.
let private withServer = [ Part.Replay; Part.Yardstick ] @ withBots

let private withoutDatabase (effort: Effort) (wanted: Part -> bool) : Findings list = [
    if wanted Part.Transition then
        announced "transition and rules" (fun () -> Core.transition effort)
    if wanted Part.Codec then
        announced "codec" (fun () -> Core.codec effort)
    if wanted Part.Parsing then
        announced "parsing" (fun () -> Parsing.measure effort)
]

let private withDatabase effort sessions (wanted: Part -> bool) (server: string) : Findings list = [
    if wanted Part.Yardstick then
        announced "yardstick" (fun () -> Database.using server (Yardstick.measure effort))
    if wanted Part.Replay then
        announced "replay" (fun () -> Database.using server (Streams.replays effort))
    if List.exists wanted withBots then
        yield! withBot effort sessions wanted server
        attempt "circumstances" (fun () -> Circumstances.describe server)
]

let private run (arguments: ParseResults<Arguments>) : int =
    let only = arguments.GetResult(Arguments.Only, [])

    let wanted part =
        List.isEmpty only || List.contains part only

    let effort = {
        Rounds = arguments.GetResult(Arguments.Rounds, 5) |> max 1
        Span =
            arguments.GetResult(Arguments.Seconds, 2.)
            |> max 0.1
            |> min 10.
            |> TimeSpan.FromSeconds
    }

    let needsDatabase = List.exists wanted withServer

    let sessions =
        arguments.GetResult(Arguments.Sessions, 100_000) |> max 1000 |> min 1_000_000

    let pure' = withoutDatabase effort wanted

    let server, others =
        match needsDatabase, Environment.GetEnvironmentVariable databaseVariable with
        | false, _ -> "no database", []
        | true, NonNull server when server <> "" ->
            let version = ref "PostgreSQL could not be reached"

            let reached =
                attempt "database" (fun () ->
                    version.Value <- "PostgreSQL " + Database.version server
                    nothing)

            if reached.BrokenOff > 0 then
                version.Value, [ reached ]
            else
                version.Value, withDatabase effort sessions wanted server
        | true, _ ->
            let text =
                $"not measured: %s{databaseVariable} holds no connection string; `dotnet fsi build.fsx bench` sets it."

            "no database",
            [
                {
                    nothing with
                        Remarks = [ { About = "database"; Text = text } ]
                }
            ]

    let findings = List.fold join nothing (pure' @ others)
    let machine = Machine.describe () + ", " + server

    if arguments.Contains Arguments.Json then
        use output = Console.OpenStandardOutput()
        Report.writeJson output machine findings
    else
        Report.print machine findings

    if findings.BrokenOff = 0 then 0 else 1

[<EntryPoint>]
let main arguments =
    let parser = ArgumentParser.Create<Arguments>(programName = "bench")

    try
        run (parser.ParseCommandLine arguments)
    with :? ArguParseException as problem ->
        eprintfn "%s" problem.Message
        if problem.ErrorCode = ErrorCode.HelpText then 0 else 2
