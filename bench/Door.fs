/// Measures the running bot from outside: its start, and its door by itself.
module FunctionalBot.Bench.Door

open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Bench.BotProcess
open FunctionalBot.Bench.Database
open FunctionalBot.Bench.Driving
open FunctionalBot.Bench.Measurement

/// Starts and stops the bot on the same database: the time to ready, and the memory then. The first start
/// makes the tables and does not count.
let starts (effort: Effort) (database: BenchDatabase) graphUrl logs : Findings =
    stop (start database graphUrl logs)

    let taken = [
        for _ in 1 .. max 3 effort.Rounds do
            let bot = start database graphUrl logs
            bot.Start.TotalSeconds, Machine.residentMegabytes bot.Running
            stop bot
    ]

    {
        nothing with
            Figures = [
                figure
                    "start"
                    "bot serve to ready, existing database"
                    "s"
                    (List.map fst taken)
                    (Some(AtMost 2.))
                figure "start" "memory when ready" "MB" (List.map snd taken) None
            ]
    }

/// The door by itself: bodies that are verified, stored and of no further use.
let door (effort: Effort) (bot: Bot) : Findings =
    let number = ref 0

    let round (span: System.TimeSpan) =
        let watch = Stopwatch.StartNew()

        let next _ =
            if watch.Elapsed > span then
                ValueNone
            else
                let body = WebhookBody.ofNoUse (Interlocked.Increment number)
                ValueSome(struct (WebhookBody.request body, Stopwatch.GetTimestamp()))
            |> Task.FromResult

        drive bot next

    for _ in 1..2 do
        round effort.Span |> ignore

    let rounds = [ for _ in 1 .. effort.Rounds -> round effort.Span ]

    {
        nothing with
            Figures =
                acceptedFigures
                    "webhook"
                    $"bodies that end at the door, %d{connections} connections"
                    "bodies/s"
                    (Some(AtLeast 12_000.))
                    rounds
    }
