/// One round of the whole way from a webhook to the reply: how it is driven, and what it took.
module FunctionalBot.Bench.Way

open System
open System.Diagnostics
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks
open FunctionalBot.Bench.BotProcess
open FunctionalBot.Bench.Conversing
open FunctionalBot.Bench.Database
open FunctionalBot.Bench.Driving

/// Customers of whom one message each is on its way at a time.
let sessions = 1000

/// The longest that a round waits for the next answer before it gives up those that are missing.
let patience = TimeSpan.FromSeconds 20.

/// The next request of a customer, whose latency counts from `since`.
let private write (crowd: Crowd) customer since =
    let number = crowd.Write customer since
    let body = WebhookBody.message customer number (TimeProvider.System.GetUtcNow())
    ValueSome(struct (WebhookBody.request body, since))

/// What a round of the whole way was.
type Way = {
    Sent: Round
    /// From the first request to the last answer.
    Elapsed: TimeSpan
    /// Milliseconds from sending to the answer's arrival, ascending.
    Latencies: float[]
    /// Events that were written to streams meanwhile.
    Events: int64
    /// The most memory that the bot had in use meanwhile, in megabytes of 2^20 bytes.
    PeakMegabytes: float
    /// Processor time of the bot, of PostgreSQL (None where it cannot be read) and of this process.
    Bot: TimeSpan
    Postgres: TimeSpan option
    Ours: TimeSpan
}

/// Does a round and waits until everything is answered.
let private measureWay (database: BenchDatabase) (bot: Bot) (crowd: Crowd) next : Way =
    requireAlive bot

    let postgres () =
        database.Postmaster |> Option.bind Machine.postgresTime

    use ours = Process.GetCurrentProcess()
    let last = lastEvent database
    crowd.TakeLatencies() |> ignore

    let bot0, postgres0, ours0 =
        Machine.processorTime bot.Running, postgres (), Machine.processorTime ours

    let (sent, elapsed), peak =
        Machine.withPeakMegabytes bot.Running.Id (fun () ->
            let watch = Stopwatch.StartNew()
            let sent = drive bot next

            // What is given up was waited for in vain; that time belongs to no message.
            if waitForAnswers bot crowd patience then
                sent, watch.Elapsed
            else
                sent, watch.Elapsed - patience)

    {
        Sent = sent
        Elapsed = elapsed
        Latencies = crowd.TakeLatencies()
        PeakMegabytes = peak
        Bot = Machine.processorTime bot.Running - bot0
        Postgres = Option.map2 (-) (postgres ()) postgres0
        Ours = Machine.processorTime ours - ours0
        Events = eventsSince database last
    }

/// A burst: one message of every customer as fast as the door takes them, while the bot works on them.
let burst database bot (crowd: Crowd) (messages: int) : Way =
    let left = ref messages

    let next _ =
        if Interlocked.Decrement left < 0 then
            Task.FromResult ValueNone
        else
            match crowd.Free.Reader.TryRead() with
            | true, customer -> Task.FromResult(write crowd customer (Stopwatch.GetTimestamp()))
            | false, _ -> Task.FromResult ValueNone

    measureWay database bot crowd next

/// Every customer writes again as soon as the answer has come, for the span; at most `sessions` of them wait for an
/// answer at a time.
let saturate database (bot: Bot) (crowd: Crowd) (span: TimeSpan) : Way =
    use over = CancellationTokenSource.CreateLinkedTokenSource bot.Ended
    over.CancelAfter span
    let token = over.Token

    // A crowd of no more than that is held back by its free customers alone, which wakes a connection at once.
    let isFull () =
        crowd.Size > sessions
        && crowd.Messages() - crowd.Answers() - crowd.GivenUp.Value >= sessions

    let next _ = task {
        while not token.IsCancellationRequested && isFull () do
            do! Task.Delay 1

        match! takeFree crowd.Free token with
        | ValueNone -> return ValueNone
        | ValueSome customer -> return write crowd customer (Stopwatch.GetTimestamp())
    }

    measureWay database bot crowd next

/// So many messages a second whatever becomes of them, for the span. The latency of a message counts from
/// when it was due, so that a bot that holds up its clients does not look better for it.
let pace database (bot: Bot) (crowd: Crowd) (perSecond: float) (span: TimeSpan) : Way =
    let due = Channel.CreateUnbounded<int64>()
    let began = Stopwatch.GetTimestamp()
    let count = int (perSecond * span.TotalSeconds)
    use over = CancellationTokenSource.CreateLinkedTokenSource bot.Ended
    over.CancelAfter(span + patience)
    let token = over.Token

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
    let next _ = task {
        try
            let! since = due.Reader.ReadAsync token

            match! takeFree crowd.Free token with
            | ValueNone -> return ValueNone
            | ValueSome customer -> return write crowd customer since
        with
        | :? ChannelClosedException
        | :? OperationCanceledException -> return ValueNone
    }

    let way = measureWay database bot crowd next
    clock.GetAwaiter().GetResult()
    way
