/// Measures the whole way from a webhook to the reply, and keeps the books on every message.
module FunctionalBot.Bench.WholeWay

open System
open FunctionalBot.Bench.BotProcess
open FunctionalBot.Bench.Conversing
open FunctionalBot.Bench.Database
open FunctionalBot.Bench.Driving
open FunctionalBot.Bench.Measurement
open FunctionalBot.Bench.Way

let private wayFigures group name budget eventBudget latencyBudgets (ways: Way list) =
    let middle, slow = latencyBudgets
    let replies (way: Way) = float way.Latencies.Length

    [
        figure group name "replies/s" [ for way in ways -> replies way / way.Elapsed.TotalSeconds ] budget
        figure
            group
            "  events applied"
            "events/s"
            [ for way in ways -> float way.Events / way.Elapsed.TotalSeconds ]
            eventBudget
        figure group "  p50, webhook to reply" "ms" [ for way in ways -> percentile 0.5 way.Latencies ] middle
        figure group "  p99, webhook to reply" "ms" [ for way in ways -> percentile 0.99 way.Latencies ] slow
    ]

/// Microseconds of processor time that a message cost bot and PostgreSQL together, round by round; None where
/// PostgreSQL's cannot be read.
let costs (ways: Way list) : float list option =
    if ways |> List.forall _.Postgres.IsSome then
        Some [
            for way in ways -> (way.Bot + way.Postgres.Value).TotalMicroseconds / float way.Latencies.Length
        ]
    else
        None

let private costFigures group (ways: Way list) =
    let each (way: Way) (time: TimeSpan) =
        time.TotalMicroseconds / float way.Latencies.Length

    [
        figure
            group
            "  processor time, bot"
            "µs/message"
            [ for way in ways -> each way way.Bot ]
            (Some(AtMost 180.))
        if ways |> List.forall _.Postgres.IsSome then
            figure
                group
                "  processor time, PostgreSQL"
                "µs/message"
                [ for way in ways -> each way way.Postgres.Value ]
                (Some(AtMost 130.))
        figure
            group
            "  processor time, load generator"
            "µs/message"
            [ for way in ways -> each way way.Ours ]
            None
        figure
            group
            "  memory of the bot, most during a round"
            "MB"
            (ways |> List.map _.PeakMegabytes)
            (Some(AtMost 250.))
    ]

/// What must be true of every reply, told and not asserted.
let private books (bot: Bot) (crowd: Crowd) (refused: int) : Remark =
    let quiet = waitUntilQuiet bot patience
    let faults = crowd.Faults()
    let messages = crowd.Messages()

    let verdict =
        if faults.Twice + faults.Strange + faults.Unanswered + refused = 0 && quiet then
            "each message answered exactly once"
        else
            "NOT each message was answered exactly once"

    let open' = openWork bot

    {
        About = "replies"
        Text =
            $"%s{verdict}: %d{messages} messages, %d{crowd.Answers()} answers, %d{faults.Twice} twice, \
              %d{faults.Strange} to nothing that was written, %d{faults.Unanswered} unanswered, \
              %d{refused} refused at the door, %d{open'} still open in the bot, %d{unaccounted bot} unaccounted for"
    }

/// A round, and then quiet.
let private inFull (bot: Bot) (work: unit -> Way) : Way =
    let way = work ()
    waitUntilQuiet bot patience |> ignore
    way

/// So many rounds after one that is not kept, each until the bot is quiet.
let private rounds (bot: Bot) (kept: int) (work: unit -> Way) : Way list =
    [ for _ in 0..kept -> inFull bot work ] |> List.tail

/// The first rounds open the sessions and compile the code.
let private warmUp (effort: Effort) database (bot: Bot) (crowd: Crowd) =
    for _ in 1..3 do
        inFull bot (fun () -> saturate database bot crowd effort.Span) |> ignore

/// Saturation by closed loops of the crowd's customers, of whom at most `sessions` wait for an answer at a time, and
/// what a message cost (`costs`). `name` says under which circumstances.
let saturated
    (effort: Effort)
    database
    (bot: Bot)
    (crowd: Crowd)
    (name: string)
    budget
    : Findings * float list option =
    let span = effort.Span * 2.
    warmUp effort database bot crowd

    let ways = rounds bot effort.Rounds (fun () -> saturate database bot crowd span)

    let refused = ways |> List.sumBy _.Sent.Refused

    {
        nothing with
            Figures =
                wayFigures "whole way" name budget None (None, None) ways
                @ costFigures "whole way" ways
            Remarks = [
                {
                    books bot crowd refused with
                        About = name
                }
            ]
    },
    costs ways

/// The whole way with the echo assistant: a burst, saturation by closed loops, and an open loop. `crowd` is
/// what the stand-in tells of replies.
let whole (effort: Effort) (database: BenchDatabase) (bot: Bot) (crowd: Crowd) : Findings =
    warmUp effort database bot crowd
    let rounds = rounds bot effort.Rounds
    let bursts = rounds (fun () -> burst database bot crowd sessions)
    let full = rounds (fun () -> saturate database bot crowd (effort.Span * 2.))

    let reached =
        full
        |> List.map (fun way -> float way.Latencies.Length / way.Elapsed.TotalSeconds)
        |> median

    // An open loop beyond what the bot can do only measures how long its queue has become.
    let perSecond = Math.Round(min 1000. (reached * 0.6))
    let open' = rounds (fun () -> pace database bot crowd perSecond (effort.Span * 2.))
    let refused = bursts @ full @ open' |> List.sumBy (fun way -> way.Sent.Refused)

    {
        nothing with
            Figures = [
                yield!
                    acceptedFigures
                        "webhook"
                        $"a message of each of %d{sessions} customers at once, beside their replies"
                        "messages/s"
                        (Some(AtLeast 12_000.))
                        (bursts |> List.map _.Sent)
                yield!
                    wayFigures
                        "whole way"
                        $"saturated, %d{sessions} customers"
                        (Some(AtLeast 4000.))
                        (Some(AtLeast 5000.))
                        (None, None)
                        full
                yield! costFigures "whole way" full
                yield!
                    wayFigures
                        "open loop"
                        $"%.0f{perSecond} messages/s"
                        None
                        None
                        (Some(AtMost 6.), Some(AtMost 50.))
                        open'
                yield! costFigures "open loop" open'
                figure
                    "memory"
                    "bot after the load"
                    "MB"
                    [ Machine.residentMegabytes bot.Running ]
                    (Some(AtMost 250.))
            ]
            Remarks = [ books bot crowd refused ]
    }
