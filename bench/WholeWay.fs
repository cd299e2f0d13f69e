/// Measures the whole way from a webhook to the reply, and keeps the books on every message.
module FunctionalBot.Bench.WholeWay

open System
open System.Diagnostics
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks
open FunctionalBot.Bench.BotProcess
open FunctionalBot.Bench.Conversing
open FunctionalBot.Bench.Database
open FunctionalBot.Bench.Driving
open FunctionalBot.Bench.Measurement

/// Customers of the whole way; one message of each is on its way at a time.
let sessions = 1000

/// The longest that a round may take to be answered in full before it is given up.
let private patience = TimeSpan.FromSeconds 60.

/// The next request of a customer, whose latency counts from `since`.
let private write (crowd: Crowd) customer since =
    let number = crowd.Write customer since
    let body = WebhookBody.message customer number (TimeProvider.System.GetUtcNow())
    ValueSome(struct (WebhookBody.request body, since))

/// What a round of the whole way was.
type private Way = {
    Sent: Round
    /// From the first request to the last answer.
    Elapsed: TimeSpan
    /// Milliseconds from sending to the answer's arrival, ascending.
    Latencies: float[]
    /// Processor time of the bot, of PostgreSQL (None where it cannot be read) and of this process.
    Bot: TimeSpan
    Postgres: TimeSpan option
    Ours: TimeSpan
}

/// Does a round and waits until everything is answered.
let private measureWay (database: BenchDatabase) (bot: Bot) (crowd: Crowd) next : Way =
    let postgres () =
        database.Postmaster |> Option.bind Machine.postgresTime

    use ours = Process.GetCurrentProcess()
    crowd.TakeLatencies() |> ignore

    let bot0, postgres0, ours0 =
        Machine.processorTime bot.Running, postgres (), Machine.processorTime ours

    let watch = Stopwatch.StartNew()
    let sent = (drive bot.Port next).GetAwaiter().GetResult()
    waitForAnswers crowd patience |> ignore
    let elapsed = watch.Elapsed

    {
        Sent = sent
        Elapsed = elapsed
        Latencies = crowd.TakeLatencies()
        Bot = Machine.processorTime bot.Running - bot0
        Postgres = Option.map2 (-) (postgres ()) postgres0
        Ours = Machine.processorTime ours - ours0
    }

/// A burst: one message of every customer as fast as the door takes them, while the bot works on them.
let private burst database bot (crowd: Crowd) (messages: int) : Way =
    let left = ref messages

    let next () =
        if Interlocked.Decrement left < 0 then
            Task.FromResult ValueNone
        else
            match crowd.Free.Reader.TryRead() with
            | true, customer -> Task.FromResult(write crowd customer (Stopwatch.GetTimestamp()))
            | false, _ -> Task.FromResult ValueNone

    measureWay database bot crowd next

/// Every customer writes again as soon as the answer has come, for the span.
let private saturate database bot (crowd: Crowd) (span: TimeSpan) : Way =
    let watch = Stopwatch.StartNew()

    let next () = task {
        if watch.Elapsed > span then
            return ValueNone
        else
            let! customer = crowd.Free.Reader.ReadAsync()
            return write crowd customer (Stopwatch.GetTimestamp())
    }

    measureWay database bot crowd next

/// So many messages a second whatever becomes of them, for the span. The latency of a message counts from
/// when it was due, so that a bot that holds up its clients does not look better for it.
let private pace database bot (crowd: Crowd) (perSecond: float) (span: TimeSpan) : Way =
    let due = Channel.CreateUnbounded<int64>()
    let began = Stopwatch.GetTimestamp()
    let count = int (perSecond * span.TotalSeconds)

    let clock = task {
        let mutable released = 0

        while released < count do
            let elapsed = Stopwatch.GetElapsedTime began

            while released < count && float released / perSecond <= elapsed.TotalSeconds do
                let offset = float released / perSecond * float Stopwatch.Frequency
                due.Writer.TryWrite(began + int64 offset) |> ignore
                released <- released + 1

            do! Task.Delay 1

        due.Writer.Complete()
    }

    // One message wakes one connection: to wake all of them for each would cost more than the message.
    let next () = task {
        try
            let! since = due.Reader.ReadAsync()
            let! customer = crowd.Free.Reader.ReadAsync()
            return write crowd customer since
        with :? ChannelClosedException ->
            return ValueNone
    }

    let way = measureWay database bot crowd next
    clock.GetAwaiter().GetResult()
    way

let private wayFigures group name budget latencyBudgets (ways: Way list) =
    let middle, slow = latencyBudgets
    let replies (way: Way) = float way.Latencies.Length

    [
        figure group name "replies/s" [ for way in ways -> replies way / way.Elapsed.TotalSeconds ] budget
        figure group "  p50, webhook to reply" "ms" [ for way in ways -> percentile 0.5 way.Latencies ] middle
        figure group "  p99, webhook to reply" "ms" [ for way in ways -> percentile 0.99 way.Latencies ] slow
    ]

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
    ]

/// What must be true of every reply, told and not asserted.
let private books (bot: Bot) (crowd: Crowd) (refused: int) : Remark =
    let quiet = waitUntilQuiet bot patience
    let faults = crowd.Faults()
    let messages = crowd.Messages()

    let verdict =
        if faults.Twice + faults.OutOfOrder + faults.Unanswered = 0 && quiet then
            "each message answered exactly once and in order"
        else
            "NOT each message was answered exactly once and in order"

    let open' = openWork bot

    {
        About = "replies"
        Text =
            $"%s{verdict}: %d{messages} messages, %d{crowd.Answers()} answers, %d{faults.Twice} twice, \
              %d{faults.OutOfOrder} out of order, %d{faults.Unanswered} unanswered, %d{refused} refused at the door, \
              %d{open'} still open in the bot, %d{unaccounted bot} unaccounted for"
    }

/// Rounds of closed loops after so many that are not kept, each until the bot is quiet.
let private rounds (bot: Bot) (kept: int) (work: unit -> Way) : Way list =
    [
        for _ in 0..kept do
            let way = work ()
            waitUntilQuiet bot patience |> ignore
            way
    ]
    |> List.tail

/// Saturation by closed loops of the crowd's customers, of whom at most `sessions` wait for an answer at a time.
/// `name` says under which circumstances.
let saturated (effort: Effort) database (bot: Bot) (crowd: Crowd) (name: string) budget : Findings =
    let span = effort.Span * 2.

    let limited () =
        let watch = Stopwatch.StartNew()

        let next () = task {
            while watch.Elapsed < span && crowd.Messages() - crowd.Answers() >= sessions do
                do! Task.Delay 1

            if watch.Elapsed > span then
                return ValueNone
            else
                let! customer = crowd.Free.Reader.ReadAsync()
                return write crowd customer (Stopwatch.GetTimestamp())
        }

        measureWay database bot crowd next

    let ways = rounds bot effort.Rounds limited
    let refused = ways |> List.sumBy _.Sent.Refused

    {
        Figures =
            wayFigures "whole way" name budget (None, None) ways
            @ costFigures "whole way" ways
        Remarks = [
            {
                books bot crowd refused with
                    About = name
            }
        ]
    }

/// The whole way with the echo assistant: a burst, saturation by closed loops, and an open loop. `crowd` is
/// what the stand-in tells of replies.
let whole (effort: Effort) (database: BenchDatabase) (bot: Bot) (crowd: Crowd) : Findings =
    let quiet () = waitUntilQuiet bot patience |> ignore

    let round work =
        let way: Way = work ()
        quiet ()
        way

    let rounds work =
        [ for _ in 0 .. effort.Rounds -> round work ] |> List.tail

    // The first rounds open the sessions and compile the code.
    for _ in 1..3 do
        round (fun () -> saturate database bot crowd effort.Span) |> ignore

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
        Figures = [
            yield!
                acceptedFigures
                    "webhook"
                    $"a message of each of %d{sessions} customers at once, beside their replies"
                    None
                    (bursts |> List.map _.Sent)
            yield!
                wayFigures
                    "whole way"
                    $"saturated, %d{sessions} customers"
                    (Some(AtLeast 4000.))
                    (None, None)
                    full
            yield! costFigures "whole way" full
            yield!
                wayFigures
                    "open loop"
                    $"%.0f{perSecond} messages/s"
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
