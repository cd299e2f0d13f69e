/// Sends requests to the bot over many connections at once.
module FunctionalBot.Bench.Driving

open System
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Bench.BotProcess
open FunctionalBot.Bench.Connection
open FunctionalBot.Bench.Conversing
open FunctionalBot.Bench.Measurement

/// Keep-alive connections to the webhook.
let connections = 64

/// What one round over all connections took.
type Round = {
    /// Accepted requests, with the time of each in milliseconds, ascending.
    Accepted: float[]
    Refused: int
    Elapsed: TimeSpan
}

/// The longest that a round of requests may take; none is meant to take a quarter of that.
let private hanging = TimeSpan.FromMinutes 2.

/// What one connection does: the times of accepted requests, and how many were refused.
let private serve (connection: Connection) next (cancel: CancellationToken) = task {
    let times = ResizeArray()
    let mutable refused = 0
    let mutable more = true

    while more do
        match! next () with
        | ValueNone -> more <- false
        | ValueSome struct (request, since) ->
            let! status = exchange connection request cancel

            if status = 200 then
                times.Add(milliseconds since (Stopwatch.GetTimestamp()))
            else
                refused <- refused + 1

    return struct (times, refused)
}

let private driveAll (bot: Bot) next (cancel: CancellationToken) : Task<Round> = task {
    let! opened = Task.WhenAll [| for _ in 1..connections -> connect bot.Port |]
    let watch = Stopwatch.StartNew()

    try
        let! taken =
            Task.WhenAll [|
                for number in 0 .. connections - 1 ->
                    Task.Run<struct (ResizeArray<float> * int)>(fun () ->
                        serve opened[number] (fun () -> next number) cancel)
            |]

        let elapsed = watch.Elapsed
        let accepted = taken |> Seq.collect (fun struct (times, _) -> times) |> Seq.toArray
        Array.Sort accepted

        return {
            Accepted = accepted
            Refused = taken |> Array.sumBy (fun struct (_, refused) -> refused)
            Elapsed = elapsed
        }
    finally
        Array.iter close opened
}

/// Sends what `next` gives on every connection until it gives nothing more; it is told the number of the connection,
/// from 0, whose last request is answered. With a request comes the stopwatch time from which its latency counts. It
/// breaks off with a clear word when the bot ends or does not answer.
let drive (bot: Bot) (next: int -> Task<struct (byte[] * int64) voption>) : Round =
    use stop = CancellationTokenSource.CreateLinkedTokenSource bot.Ended
    stop.CancelAfter hanging

    try
        (driveAll bot next stop.Token).GetAwaiter().GetResult()
    with _ ->
        // A process that dies closes its sockets a moment before it is gone.
        bot.Ended.WaitHandle.WaitOne(TimeSpan.FromSeconds 2.) |> ignore
        requireAlive bot

        if stop.IsCancellationRequested then
            invalidOp $"The bot left a request without an answer for %.0f{hanging.TotalSeconds} s."

        reraise ()

/// One line of the report.
let figure group name unit' rounds budget = {
    Group = group
    Name = name
    Unit = unit'
    Rounds = rounds
    Budget = budget
}

/// What was accepted each second, in the unit given, and how long that took.
let acceptedFigures group (name: string) (unit': string) budget (rounds: Round list) = [
    figure
        group
        name
        unit'
        [
            for round in rounds -> float round.Accepted.Length / round.Elapsed.TotalSeconds
        ]
        budget
    figure group "  p50" "ms" [ for round in rounds -> percentile 0.5 round.Accepted ] None
    figure group "  p99" "ms" [ for round in rounds -> percentile 0.99 round.Accepted ] None
]
