/// Customers who write to the bot and wait for its answer, and the books kept about them.
module FunctionalBot.Bench.Conversing

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.Threading
open System.Threading.Channels

/// What went wrong with replies, counted.
type Faults = {
    /// A message was answered that had been answered before.
    Twice: int
    /// An answer to another message than the customer's last.
    OutOfOrder: int
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
    /// Customers who wait for nothing.
    Free: Channel<int>
    /// Writes the next message of a free customer, sent at this stopwatch time; returns its number.
    Write: int -> int64 -> int
    /// What the stand-in tells: a text was said to a customer.
    Arrived: string -> unit
    /// Milliseconds from sending to each answer since the last call, ascending.
    TakeLatencies: unit -> float[]
    /// Answers so far.
    Answers: unit -> int
    /// Messages so far.
    Messages: unit -> int
    /// What is wrong with the replies so far.
    Faults: unit -> Faults
}

/// Milliseconds between two readings of the stopwatch.
let milliseconds (since: int64) (until: int64) : float =
    (Stopwatch.GetElapsedTime(since, until)).TotalMilliseconds

/// A crowd of so many customers, numbered from `first`, all free.
let gather (first: int) (count: int) : Crowd =
    let customers =
        Array.init count (fun index -> {
            Number = first + index
            Written = 0
            Answered = 0
            Since = 0L
        })

    let free = Channel.CreateUnbounded<int>()

    for customer in customers do
        free.Writer.TryWrite customer.Number |> ignore

    let mutable latencies = ConcurrentQueue<float>()
    let mutable answers = 0
    let mutable messages = 0
    let mutable twice = 0
    let mutable outOfOrder = 0

    let settle (customer: Customer) number =
        let now = Stopwatch.GetTimestamp()

        lock customer (fun () ->
            if number <= customer.Answered then
                Interlocked.Increment &twice |> ignore
            elif number <> customer.Answered + 1 || number > customer.Written then
                Interlocked.Increment &outOfOrder |> ignore
            else
                customer.Answered <- number
                latencies.Enqueue(milliseconds customer.Since now)
                Interlocked.Increment &answers |> ignore
                free.Writer.TryWrite customer.Number |> ignore)

    {
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
            fun text ->
                match WebhookBody.readMark text with
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
        Faults =
            fun () -> {
                Twice = Volatile.Read &twice
                OutOfOrder = Volatile.Read &outOfOrder
                Unanswered =
                    customers
                    |> Array.sumBy (fun customer ->
                        lock customer (fun () -> customer.Written - customer.Answered))
            }
    }

/// Waits until every message is answered. False when that takes longer than the limit.
let waitForAnswers (crowd: Crowd) (limit: TimeSpan) : bool =
    let watch = Stopwatch.StartNew()

    while crowd.Answers() < crowd.Messages() && watch.Elapsed < limit do
        Thread.Sleep 2

    crowd.Answers() = crowd.Messages()
