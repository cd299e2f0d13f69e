/// Holds what customers heard against what they wrote. An answer is known by its key, which names the event that it
/// follows from, and the event names the message; so it does not matter what was said.
module FunctionalBot.Bench.Judging

open System.Collections.Generic
open Npgsql
open FunctionalBot.Bench.Database

/// The customer's message that each event after this one is of, by stream and version as in a command's key.
let messagesByPlace (database: BenchDatabase) (after: int64) : Dictionary<string, string> =
    let found = Dictionary()
    use source = NpgsqlDataSource.Create database.Connection

    use command =
        source.CreateCommand
            "SELECT stream_id || '/' || version, data->>'Message' FROM public.mt_events
            WHERE seq_id > $1 AND data ? 'Message'"

    command.Parameters.Add(NpgsqlParameter<int64>(TypedValue = after)) |> ignore
    use reader = command.ExecuteReader()

    while reader.Read() do
        found[reader.GetString 0] <- reader.GetString 1

    found

/// What a customer heard, held against what the customer wrote.
type Verdict = {
    /// Answers to something that was answered before.
    Twice: int
    /// Answers that came behind the answer to a later message.
    OutOfOrder: int
    Unanswered: int
    /// Answers to nothing that the customer wrote.
    Strange: int
}

/// `places` is what `messagesByPlace` found; the customer wrote messages 1 to `written` and heard what these keys stand
/// for, in this order.
let judge (places: Dictionary<string, string>) (customer: int) (written: int) (heard: string seq) : Verdict =
    let numbers =
        Dictionary(
            seq { for number in 1..written -> KeyValuePair(WebhookBody.messageId customer number, number) }
        )

    // "…/4/0" follows from the event of version 4.
    let placeOf (key: string) = key.Substring(0, key.LastIndexOf '/')

    let answered = [
        for key in heard do
            match places.TryGetValue(placeOf key) with
            | true, message ->
                match numbers.TryGetValue message with
                | true, number -> Some number
                | _ -> None
            | _ -> None
    ]

    let known = List.choose id answered
    let once = List.distinct known

    {
        Twice = known.Length - once.Length
        OutOfOrder =
            once
            |> List.pairwise
            |> List.filter (fun (one, next) -> next < one)
            |> List.length
        Unanswered = written - once.Length
        Strange = answered.Length - known.Length
    }

/// Both together.
let plus (one: Verdict) (other: Verdict) = {
    Twice = one.Twice + other.Twice
    OutOfOrder = one.OutOfOrder + other.OutOfOrder
    Unanswered = one.Unanswered + other.Unanswered
    Strange = one.Strange + other.Strange
}
