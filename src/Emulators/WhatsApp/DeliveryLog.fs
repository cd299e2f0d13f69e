namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Collections.Generic
open System.Text

/// One POST to the webhook with all its repetitions.
type Delivery = {
    Number: int64
    /// When it was first tried.
    At: DateTimeOffset
    /// The body exactly as sent (ASCII).
    Body: string
    Attempts: int
    /// The last answer's HTTP status; `None` when there was no answer.
    Status: int option
    /// What was wrong with the last attempt.
    Problem: string option
    /// True once the bot has answered 200.
    Accepted: bool
    /// When the first answer with 200 had come.
    AcceptedAt: DateTimeOffset option
}

/// What an attempt came to: `Refused` is an answer other than 200 (0 for none in time), `Unreached` is no
/// connection.
type internal Attempt =
    | Taken
    | Refused of status: int
    | Unreached of problem: string

/// The last webhooks that were sent, and how the last attempt of all went.
[<Sealed>]
type internal DeliveryLog(limit: int, now: unit -> DateTimeOffset) =
    let gate = obj ()
    let order = Queue<int64>()
    let deliveries = Dictionary<int64, Delivery>()
    let mutable problem: string option = None

    let created number (body: byte array) at =
        order.Enqueue number

        if order.Count > limit then
            deliveries.Remove(order.Dequeue()) |> ignore

        {
            Number = number
            At = at
            Body = Encoding.ASCII.GetString body
            Attempts = 0
            Status = None
            Problem = None
            Accepted = false
            AcceptedAt = None
        }

    /// Notes what the attempt with this number, begun at that time, came to.
    member _.Record(number: int64, body: byte array, attempts: int, began: DateTimeOffset, outcome: Attempt) =
        let status, text =
            match outcome with
            | Taken -> Some 200, None
            | Refused 0 -> None, Some "the webhook did not answer within 20 seconds"
            | Refused status -> Some status, Some $"the webhook answered %d{status} instead of 200"
            | Unreached text -> None, Some text

        lock gate (fun () ->
            problem <- text

            let before =
                match deliveries.TryGetValue number with
                | true, found -> found
                | false, _ -> created number body began

            deliveries[number] <- {
                before with
                    Attempts = attempts
                    Status = status
                    Problem = text
                    Accepted = before.Accepted || outcome = Taken
                    AcceptedAt =
                        before.AcceptedAt
                        |> Option.orElseWith (fun () -> if outcome = Taken then Some(now ()) else None)
            })

    /// The last deliveries, oldest first.
    member _.All =
        lock gate (fun () -> [
            for number in order do
                match deliveries.TryGetValue number with
                | true, delivery -> delivery
                | false, _ -> ()
        ])

    /// What was wrong with the last attempt of all, until one succeeds.
    member _.Problem = lock gate (fun () -> problem)

    /// Forgets all.
    member _.Clear() =
        lock gate (fun () ->
            order.Clear()
            deliveries.Clear()
            problem <- None)
