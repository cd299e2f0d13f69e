/// The parts of the benchmark that run the bot, each with a bot, a stand-in for the Graph API and customers of its own.
module FunctionalBot.Bench.Parts

open System
open System.IO
open FunctionalBot.Bench.Measurement

/// The parts that can be run by themselves.
type Part =
    | Transition = 1
    | Codec = 2
    | Replay = 3
    | Yardstick = 4
    | Start = 5
    | Load = 6
    | Order = 7
    | Slow = 8
    | Stored = 9
    | Parsing = 10

/// The parts that run the bot.
let withBots = [ Part.Start; Part.Load; Part.Order; Part.Slow; Part.Stored ]

let private parallelMessages = "BOT_PARALLEL_MESSAGES"

/// What is being done goes to standard error, so that standard output holds the results only. A part that breaks
/// off takes nothing of the others with it.
let announced (text: string) (work: unit -> Findings) : Findings =
    eprintfn "  %s" text
    attempt text work

let private atOnce (_: int64) = TimeSpan.Zero

let private after50 (_: int64) = TimeSpan.FromMilliseconds 50.

let private withGraph delay arrived (work: GraphStandIn.GraphStandIn -> 'Found) : 'Found =
    let graph = GraphStandIn.start delay arrived

    try
        work graph
    finally
        graph.Stop().GetAwaiter().GetResult()

let private withRunning (bot: BotProcess.Bot) (work: BotProcess.Bot -> 'Found) : 'Found =
    try
        work bot
    finally
        BotProcess.stop bot

let private starts effort database logs : Findings =
    withGraph atOnce ignore (fun graph -> Door.starts effort database graph.Url logs)

let private load effort database logs : Findings =
    let crowd = Conversing.gather 1 Way.sessions

    withGraph atOnce crowd.Arrived (fun graph ->
        withRunning (BotProcess.start database graph.Url logs) (fun bot ->
            join
                (announced "webhook: the door" (fun () -> Door.door effort bot))
                (announced "webhook: the whole way" (fun () -> WholeWay.whole effort database bot crowd))))

let private order effort database logs : Findings =
    let breaths = Ordered.gather 1

    withGraph Ordered.delay (Ordered.arrived breaths) (fun graph ->
        withRunning (BotProcess.start database graph.Url logs) (fun bot ->
            Ordered.measure effort database bot breaths))

/// A Graph API that takes 50 ms, as Meta's does; with `settings`, of which `words` tells.
let private slowGraph effort words settings database logs : Findings =
    let crowd = Conversing.gather 1 Way.sessions

    withGraph after50 crowd.Arrived (fun graph ->
        withRunning (BotProcess.startWith settings database graph.Url logs) (fun bot ->
            WholeWay.saturated
                effort
                database
                bot
                crowd
                $"saturated, Graph answers after 50 ms, %s{words}, %d{Way.sessions} customers"
                None
            |> fst))

/// What a message costs with the more sessions stored, as a multiple of what it costs with the fewer: to as many
/// customers as before, and to any of all, who are seldom found in the bot's memory.
let private growth
    (fewer: int)
    (more: int)
    (few: float list option)
    (active: float list option)
    (many: float list option)
    : Findings =
    match few, active, many with
    | Some few, Some active, Some many -> {
        nothing with
            Figures = [
                let cost words rounds =
                    Driving.figure
                        "growth"
                        $"processor time of bot and PostgreSQL, %s{words}"
                        "µs/message"
                        rounds
                        None

                let times words rounds budget =
                    Driving.figure "growth" $"  %s{words}" "times" [ median rounds / median few ] budget

                cost $"%d{fewer} sessions" few
                cost $"%d{fewer} of %d{more} sessions active" active
                times $"%d{more} to %d{fewer} sessions, as many active" active (Some(AtMost 1.25))
                cost $"any of %d{more} sessions" many
                times $"%d{more} to %d{fewer} sessions, all active" many None
            ]
      }
    | _ -> {
        nothing with
            Remarks = [
                {
                    About = "growth"
                    Text = "not known: the processor time of PostgreSQL cannot be read here."
                }
            ]
      }

/// Messages to stored sessions: to a thousand with no others, to a thousand among all, and to any of all. Between
/// them the bot is stopped, so that each begins with nothing in its memory.
let private storedSessions effort sessions database logs : Findings =
    let fewer = 1000
    let pattern = Conversing.gather Stored.pattern 1
    let few = Conversing.gather Stored.first fewer
    // Customers of the first round have a longer history and are left out.
    let active = Conversing.gather (Stored.first + fewer) fewer

    let many =
        Conversing.gather (Stored.first + 2 * fewer) (max 1 (sessions - 2 * fewer))

    let arrived said =
        pattern.Arrived said
        few.Arrived said
        active.Arrived said
        many.Arrived said

    withGraph atOnce arrived (fun graph ->
        let run work =
            withRunning (BotProcess.start database graph.Url logs) work

        let saturated (crowd: Conversing.Crowd) words budget =
            run (fun bot ->
                WholeWay.saturated effort database bot crowd $"saturated, %s{words} stored sessions" budget)

        run (fun bot -> Stored.converse bot pattern)
        Stored.fill database Stored.first fewer
        let first, fewCosts = saturated few $"any of %d{fewer}" None

        if sessions < 4 * fewer then
            first
        else
            join
                first
                (attempt $"%d{sessions} stored sessions" (fun () ->
                    Stored.fill database (Stored.first + fewer) (sessions - fewer)

                    let second, activeCosts =
                        saturated active $"a thousand of %d{sessions}" (Some(AtLeast 3000.))

                    let third, manyCosts = saturated many $"any of %d{sessions}" (Some(AtLeast 3000.))

                    growth fewer sessions fewCosts activeCosts manyCosts |> join (join second third))))

/// The wanted parts, each on a database of its own. The bot's logs are in a folder that is removed.
let withBot (effort: Effort) (sessions: int) (wanted: Part -> bool) (server: string) : Findings list =
    let logs =
        Path.Combine(Path.GetTempPath(), $"functionalbot-bench-%d{Environment.ProcessId}")

    let part text work =
        announced text (fun () -> Database.using server (fun database -> work database logs))

    try
        [
            if wanted Part.Start then
                part "start" (starts effort)
            if wanted Part.Load then
                part "webhook" (load effort)
            if wanted Part.Order then
                part "webhook: several messages of a customer at once" (order effort)
            if wanted Part.Slow then
                part
                    "webhook: a slow Graph API"
                    (slowGraph effort "32 sends at a time" [ parallelMessages, "32" ])

                part
                    "webhook: a slow Graph API, more sends at a time"
                    (slowGraph effort $"%s{parallelMessages}=500" [ parallelMessages, "500" ])
            if wanted Part.Stored then
                part $"webhook: %d{sessions} stored sessions" (storedSessions effort sessions)
        ]
    finally
        if Directory.Exists logs then
            Directory.Delete(logs, recursive = true)
