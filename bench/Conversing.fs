/// Customers who write to the bot and wait for its answer, and the books kept about them.
module FunctionalBot.Bench.Conversing

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks
open FunctionalBot.Bench.BotProcess
open FunctionalBot.Bench.GraphStandIn

/// What went wrong with replies, counted.
type Faults = {
    /// A message was answered that had been answered before.
    Twice: int
    /// An answer to a message that the customer has not written.
    Strange: int
    /// Messages that have no answer.
    Unanswered: int
}

/// One customer: at most one message is on its way at a time, since a second one would be taken as part of
/// the same question.
type private Customer = {
    Number: int
    /// Messages written so far; the number of the last one.
    mutable Written: int
    /// The last message that was answered.
    mutable Answered: int
    /// When the last message was due to be sent, in the stopwatch's ticks.
    mutable Since: int64
}

/// All customers of a run.
[<NoComparison; NoEquality>]
type Crowd = {
    /// How many customers there are.
    Size: int
    /// Customers who wait for nothing.
    Free: Channel<int>
    /// Writes the next message of a free customer, sent at this stopwatch time; returns its number.
    Write: int -> int64 -> int
    /// What the stand-in tells: something was said to a customer.
    Arrived: Said -> unit
    /// Milliseconds from sending to each answer since the last call, ascending.
    TakeLatencies: unit -> float[]
    /// Answers so far.
    Answers: unit -> int
    /// Messages so far.
    Messages: unit -> int
    /// Messages that no answer is waited for any more.
    GivenUp: int ref
    /// What is wrong with the replies so far.
    Faults: unit -> Faults
}

/// Milliseconds between two readings of the stopwatch.
let milliseconds (since: int64) (until: int64) : float =
    (Stopwatch.GetElapsedTime(since, until)).TotalMilliseconds

/// A crowd of so many customers, numbered from `first`, all free, in an order that is drawn by a fixed seed: who writes
/// one after the other must not lie side by side in the database. No two crowds may share a number in one database:
/// ids of messages would come again.
let gather (first: int) (count: int) : Crowd =
    let customers =
        Array.init count (fun index -> {
            Number = first + index
            Written = 0
            Answered = 0
            Since = 0L
        })

    let free = Channel.CreateUnbounded<int>()

    let order = Array.init count (fun index -> first + index)
    Random(20_261).Shuffle order

    for number in order do
        free.Writer.TryWrite number |> ignore

    let mutable latencies = ConcurrentQueue<float>()
    let mutable answers = 0
    let mutable messages = 0
    let mutable twice = 0
    let mutable strange = 0

    let settle (customer: Customer) number =
        let now = Stopwatch.GetTimestamp()

        lock customer (fun () ->
            if number <= customer.Answered then
                Interlocked.Increment &twice |> ignore
            elif number <> customer.Answered + 1 || number > customer.Written then
                Interlocked.Increment &strange |> ignore
            else
                customer.Answered <- number
                latencies.Enqueue(milliseconds customer.Since now)
                Interlocked.Increment &answers |> ignore
                free.Writer.TryWrite customer.Number |> ignore)

    {
        Size = count
        Free = free
        Write =
            fun number since ->
                let customer = customers[number - first]

                lock customer (fun () ->
                    customer.Written <- customer.Written + 1
                    customer.Since <- since
                    Interlocked.Increment &messages |> ignore
                    customer.Written)
        Arrived =
            fun said ->
                match WebhookBody.readMark said.Text with
                | ValueSome struct (number, message) when number >= first && number < first + count ->
                    settle customers[number - first] message
                | _ -> ()
        TakeLatencies =
            fun () ->
                let taken = Interlocked.Exchange(&latencies, ConcurrentQueue())
                let sorted = taken.ToArray()
                Array.Sort sorted
                sorted
        Answers = fun () -> Volatile.Read &answers
        Messages = fun () -> Volatile.Read &messages
        GivenUp = ref 0
        Faults =
            fun () -> {
                Twice = Volatile.Read &twice
                Strange = Volatile.Read &strange
                Unanswered =
                    customers
                    |> Array.sumBy (fun customer ->
                        lock customer (fun () -> customer.Written - customer.Answered))
            }
    }

/// The next free customer; ValueNone when `over` comes first.
let takeFree (free: Channel<int>) (over: CancellationToken) : Task<int voption> = task {
    try
        let! customer = free.Reader.ReadAsync over
        return ValueSome customer
    with :? OperationCanceledException ->
        return ValueNone
}

/// Waits until every message is answered. False when no answer comes for the limit: what is missing then is given up,
/// so that it holds up no later round; `Faults` counts it for good.
let waitForAnswers (bot: Bot) (crowd: Crowd) (limit: TimeSpan) : bool =
    let mutable known = -1
    let still = Stopwatch.StartNew()

    let missing () =
        crowd.Messages() - crowd.Answers() - crowd.GivenUp.Value

    while missing () > 0 && still.Elapsed < limit do
        if crowd.Answers() <> known then
            known <- crowd.Answers()
            still.Restart()

        requireAlive bot
        Thread.Sleep 2

    let late = missing ()

    if late > 0 then
        crowd.GivenUp.Value <- crowd.GivenUp.Value + late

    late <= 0
