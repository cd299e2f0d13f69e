/// The benchmark: `dotnet fsi build.fsx bench`. It reports; it asserts nothing.
module FunctionalBot.Bench.Program

open System
open System.IO
open Argu
open FunctionalBot.Effects
open FunctionalBot.Bench.Measurement

/// The parts that can be run by themselves.
type Part =
    | Transition = 1
    | Codec = 2
    | Replay = 3
    | Yardstick = 4
    | Start = 5
    | Load = 6
    | Slow = 7
    | Stored = 8

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
            | Sessions _ -> "sessions that are stored before the part \"stored\" (100000)."
            | Seconds _ -> "seconds that a round takes, about (2); at most 10."

let private databaseVariable = "BOT_BENCH_DATABASE"

/// What is being done goes to standard error, so that standard output holds the results only.
let private announced (text: string) (work: unit -> Findings) : Findings =
    eprintfn "  %s" text
    work ()

let private withoutDatabase (effort: Effort) (wanted: Part -> bool) : Findings list = [
    if wanted Part.Transition then
        announced "transition and rules" (fun () -> Core.transition effort)
    if wanted Part.Codec then
        announced "codec" (fun () -> Core.codec effort)
]

let private withGraph delay (crowds: Conversing.Crowd list) (work: GraphStandIn.GraphStandIn -> Findings) =
    let graph =
        GraphStandIn.start delay (fun text ->
            for crowd in crowds do
                crowd.Arrived text)

    try
        work graph
    finally
        graph.Stop().GetAwaiter().GetResult()

let private withRunning (bot: BotProcess.Bot) (work: BotProcess.Bot -> Findings) =
    try
        work bot
    finally
        BotProcess.stop bot

/// A Graph API that takes 50 ms, as Meta's does, and as many calls at a time as that needs.
let private slowGraph effort database logs : Findings =
    let crowd = Conversing.gather 1 WholeWay.sessions

    withGraph (TimeSpan.FromMilliseconds 50.) [ crowd ] (fun graph ->
        withRunning
            (BotProcess.startWith [ "BOT_PARALLEL_MESSAGES", "500" ] database graph.Url logs)
            (fun bot ->
                WholeWay.saturated
                    effort
                    database
                    bot
                    crowd
                    $"saturated, Graph answers after 50 ms, %d{WholeWay.sessions} customers"
                    None))

/// Messages to any of many stored sessions.
let private storedSessions effort sessions database logs : Findings =
    let pattern = Conversing.gather Stored.pattern 1
    let first = 10_000
    let crowd = Conversing.gather first sessions

    withGraph TimeSpan.Zero [ pattern; crowd ] (fun graph ->
        withRunning (BotProcess.start database graph.Url logs) (fun bot ->
            Stored.fill database bot pattern first sessions

            WholeWay.saturated
                effort
                database
                bot
                crowd
                $"saturated, any of %d{sessions} stored sessions"
                (Some(AtLeast 3000.))))

/// Runs the bot against a stand-in for the Graph API, with its logs in a folder that is removed.
let private withBot effort sessions (wanted: Part -> bool) database : Findings list =
    let logs =
        Path.Combine(Path.GetTempPath(), $"functionalbot-bench-%d{Environment.ProcessId}")

    let crowd = Conversing.gather 1 WholeWay.sessions
    let graph = GraphStandIn.start TimeSpan.Zero crowd.Arrived

    try
        [
            if wanted Part.Start then
                announced "start" (fun () -> Door.starts effort database graph.Url logs)
            if wanted Part.Load then
                let bot = BotProcess.start database graph.Url logs

                try
                    announced "webhook: the door" (fun () -> Door.door effort bot)
                    announced "webhook: the whole way" (fun () -> WholeWay.whole effort database bot crowd)
                finally
                    BotProcess.stop bot
            if wanted Part.Slow then
                announced "webhook: a slow Graph API" (fun () -> slowGraph effort database logs)
            if wanted Part.Stored then
                announced $"webhook: %d{sessions} stored sessions" (fun () ->
                    storedSessions effort sessions database logs)
        ]
    finally
        graph.Stop().GetAwaiter().GetResult()

        if Directory.Exists logs then
            Directory.Delete(logs, recursive = true)

let private migrate (database: Database.BenchDatabase) =
    match (Migrations.run database.Connection).GetAwaiter().GetResult() with
    | Ok _ -> ()
    | Error problem -> invalidOp (Migrations.explain problem)

let private withDatabase effort sessions (wanted: Part -> bool) (server: string) : string * Findings list =
    let database = Database.create server

    try
        migrate database

        let findings = [
            if wanted Part.Yardstick then
                announced "yardstick" (fun () -> Yardstick.measure effort database)
            if wanted Part.Replay then
                announced "replay" (fun () -> Streams.replays effort database)
            if List.exists wanted [ Part.Start; Part.Load; Part.Slow; Part.Stored ] then
                yield! withBot effort sessions wanted database
        ]

        $"PostgreSQL %s{database.Version}", findings
    finally
        Database.drop database

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

    let needsDatabase =
        [ Part.Replay; Part.Yardstick; Part.Start; Part.Load; Part.Slow; Part.Stored ]
        |> List.exists wanted

    let sessions =
        arguments.GetResult(Arguments.Sessions, 100_000) |> max 1000 |> min 1_000_000

    let pure' = withoutDatabase effort wanted

    let server, others =
        match needsDatabase, Environment.GetEnvironmentVariable databaseVariable with
        | false, _ -> "no database", []
        | true, NonNull server when server <> "" -> withDatabase effort sessions wanted server
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

    0

[<EntryPoint>]
let main arguments =
    let parser = ArgumentParser.Create<Arguments>(programName = "bench")

    try
        run (parser.ParseCommandLine arguments)
    with :? ArguParseException as problem ->
        eprintfn "%s" problem.Message
        if problem.ErrorCode = ErrorCode.HelpText then 0 else 2
