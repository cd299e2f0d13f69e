/// Sends requests to the bot over many connections at once.
module FunctionalBot.Bench.Driving

open System
open System.Diagnostics
open System.Threading.Tasks
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

/// Sends what `next` gives on every connection until it gives nothing more. With a request comes the
/// stopwatch time from which its latency counts.
let drive port (next: unit -> Task<struct (byte[] * int64) voption>) : Task<Round> = task {
    let! opened = Task.WhenAll [| for _ in 1..connections -> connect port |]
    let watch = Stopwatch.StartNew()

    let! taken =
        Task.WhenAll [|
            for connection in opened ->
                Task.Run<struct (ResizeArray<float> * int)>(fun () -> task {
                    let times = ResizeArray()
                    let mutable refused = 0
                    let mutable more = true

                    while more do
                        match! next () with
                        | ValueNone -> more <- false
                        | ValueSome struct (request, since) ->
                            let! status = exchange connection request

                            if status = 200 then
                                times.Add(milliseconds since (Stopwatch.GetTimestamp()))
                            else
                                refused <- refused + 1

                    return struct (times, refused)
                })
        |]

    let elapsed = watch.Elapsed
    Array.iter close opened
    let accepted = taken |> Seq.collect (fun struct (times, _) -> times) |> Seq.toArray
    Array.Sort accepted

    return {
        Accepted = accepted
        Refused = taken |> Array.sumBy (fun struct (_, refused) -> refused)
        Elapsed = elapsed
    }
}

/// One line of the report.
let figure group name unit' rounds budget = {
    Group = group
    Name = name
    Unit = unit'
    Rounds = rounds
    Budget = budget
}

/// What was accepted each second, and how long that took.
let acceptedFigures group (name: string) budget (rounds: Round list) = [
    figure
        group
        name
        "messages/s"
        [
            for round in rounds -> float round.Accepted.Length / round.Elapsed.TotalSeconds
        ]
        budget
    figure group "  p50" "ms" [ for round in rounds -> percentile 0.5 round.Accepted ] None
    figure group "  p99" "ms" [ for round in rounds -> percentile 0.99 round.Accepted ] None
]
