/// Whether what a customer says in one breath is answered in its order: several messages of each customer are under way
/// at a time, and each gets an answer of its own.
module FunctionalBot.Bench.Ordered

open System
open System.Collections.Generic
open System.Diagnostics
open System.Threading
open System.Threading.Channels
open FunctionalBot.Bench.BotProcess
open FunctionalBot.Bench.Conversing
open FunctionalBot.Bench.Database
open FunctionalBot.Bench.Driving
open FunctionalBot.Bench.GraphStandIn
open FunctionalBot.Bench.Judging
open FunctionalBot.Bench.Measurement
open FunctionalBot.Bench.Way

/// How many customers take part.
let private customers = 300

/// Messages that a customer sends on one connection, each as soon as the one before is acknowledged: so the order in
/// which they came is known, and no answer is waited for.
let private breath = 6

/// The rules answer each of these by itself, at once and without the assistant.
let private words = [| "ayuda"; "cancelar" |]

/// The Graph API answers after 0 to 20 ms, by turns, so that what is said could overtake what was said before it.
let delay (call: int64) : TimeSpan =
    TimeSpan.FromMilliseconds(float (call * 7L % 5L) * 5.)

[<NoComparison; ReferenceEquality>]
type private Customer = {
    Number: int
    mutable Written: int
    /// Keys of what was said to the customer, in the order of its arrival.
    Heard: List<string>
}

/// The customers, and what they heard.
[<NoComparison; NoEquality>]
type Breaths = private {
    First: int
    All: Customer[]
    Free: Channel<int>
}

/// The customers of this part, numbered from `first`.
let gather (first: int) : Breaths =
    let free = Channel.CreateUnbounded<int>()

    for number in first .. first + customers - 1 do
        free.Writer.TryWrite number |> ignore

    {
        First = first
        All =
            Array.init customers (fun index -> {
                Number = first + index
                Written = 0
                Heard = List()
            })
        Free = free
    }

/// The customer in "whatsapp-…/ES.1349120865000000001/1/4/0"; None for one who takes no part.
let private customerOf (breaths: Breaths) (key: string) : Customer option =
    match key.LastIndexOf "/ES." with
    | -1 -> None
    | at ->
        let name = key.Substring(at + 1).Split('/')[0]

        match Int32.TryParse(name.Substring(max 0 (name.Length - 9))) with
        | true, number when number >= breaths.First && number < breaths.First + customers ->
            Some breaths.All[number - breaths.First]
        | _ -> None

/// What the stand-in tells: something was said to a customer.
let arrived (breaths: Breaths) (said: Said) : unit =
    match customerOf breaths said.Key with
    | None -> ()
    | Some customer ->
        lock customer (fun () ->
            customer.Heard.Add said.Key

            // The last word of a breath was answered: the next one may begin.
            if customer.Heard.Count = customer.Written && customer.Written % breath = 0 then
                breaths.Free.Writer.TryWrite customer.Number |> ignore)

/// A connection's part in the round: the customer whose breath it carries, and how much of it is left.
[<NoComparison; ReferenceEquality>]
type private Speaker = {
    mutable Customer: int
    mutable Left: int
}

/// Breaths on all connections for the span. Returns the round, and of each message how many of its customer's were
/// under way with it.
let private speak (bot: Bot) (breaths: Breaths) (span: TimeSpan) =
    use over = CancellationTokenSource.CreateLinkedTokenSource bot.Ended
    over.CancelAfter span
    let token = over.Token
    let underWay = Collections.Concurrent.ConcurrentQueue<int>()
    let speakers = Array.init connections (fun _ -> { Customer = 0; Left = 0 })

    let write number =
        let customer = breaths.All[number - breaths.First]

        let message =
            lock customer (fun () ->
                customer.Written <- customer.Written + 1
                underWay.Enqueue(customer.Written - customer.Heard.Count)
                customer.Written)

        let text = words[message % words.Length]
        let body = WebhookBody.text number message text (TimeProvider.System.GetUtcNow())
        ValueSome(struct (WebhookBody.request body, Stopwatch.GetTimestamp()))

    let next connection = task {
        let speaker = speakers[connection]

        if speaker.Left = 0 then
            match! takeFree breaths.Free token with
            | ValueSome customer ->
                speaker.Customer <- customer
                speaker.Left <- breath
            | ValueNone -> ()

        if speaker.Left = 0 then
            return ValueNone
        else
            speaker.Left <- speaker.Left - 1
            return write speaker.Customer
    }

    let round = drive bot next
    round, underWay.ToArray()

/// Waits until nobody misses an answer, or nothing has come for as long as `patience`.
let private waitForAll (bot: Bot) (breaths: Breaths) =
    let count (of': Customer -> int) =
        breaths.All
        |> Array.sumBy (fun customer -> lock customer (fun () -> of' customer))

    let mutable heard = -1
    let still = Stopwatch.StartNew()
    let mutable missing = true

    while missing && still.Elapsed < patience do
        requireAlive bot
        let now = count _.Heard.Count

        if now <> heard then
            heard <- now
            still.Restart()

        missing <- heard < count _.Written

        if missing then
            Thread.Sleep 5

/// Takes the rounds and holds all answers against all messages.
let measure (effort: Effort) (database: BenchDatabase) (bot: Bot) (breaths: Breaths) : Findings =
    let before = lastEvent database

    let rounds = [
        for _ in 0 .. effort.Rounds ->
            let watch = Stopwatch.StartNew()
            let round, underWay = speak bot breaths (effort.Span * 2.)
            waitForAll bot breaths
            round, underWay, watch.Elapsed
    ]

    let quiet = waitUntilQuiet bot patience
    let places = messagesByPlace database before
    let refused = rounds |> List.sumBy (fun (round, _, _) -> round.Refused)
    let kept = List.tail rounds
    let written = breaths.All |> Array.sumBy _.Written
    let heard = breaths.All |> Array.sumBy _.Heard.Count

    let verdict =
        breaths.All
        |> Array.map (fun customer -> judge places customer.Number customer.Written customer.Heard)
        |> Array.reduce plus

    let isRight =
        verdict = {
                      Twice = 0
                      OutOfOrder = 0
                      Unanswered = 0
                      Strange = 0
                  }
        && refused = 0
        && quiet

    let words =
        if isRight then
            "each message answered exactly once and in order"
        else
            "NOT each message was answered exactly once and in order"

    let most =
        rounds
        |> List.collect (fun (_, underWay, _) -> List.ofArray underWay)
        |> List.fold max 0

    {
        nothing with
            Figures = [
                figure
                    "order"
                    $"%d{breath} messages in one breath, %d{customers} customers"
                    "replies/s"
                    [
                        for round, _, elapsed in kept -> float round.Accepted.Length / elapsed.TotalSeconds
                    ]
                    None
                figure
                    "order"
                    "  messages of one customer under way, mean"
                    "messages"
                    [
                        for _, underWay, _ in kept do
                            if underWay.Length > 0 then
                                underWay |> Array.averageBy float
                            else
                                nan
                    ]
                    None
            ]
            Remarks = [
                {
                    About = "order"
                    Text =
                        $"%s{words}: %d{written} messages, at most %d{most} of one customer under way, %d{heard} \
                          answers, %d{verdict.OutOfOrder} out of order, %d{verdict.Twice} twice, \
                          %d{verdict.Strange} to nothing that was written, %d{verdict.Unanswered} unanswered, \
                          %d{refused} refused at the door"
                }
            ]
    }
