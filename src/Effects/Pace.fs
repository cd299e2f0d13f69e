/// Keeps messages within WhatsApp's limits: so many per second from one business number, and so many to one
/// customer. The slots are taken from the store, so that all nodes keep to the limits together.
module FunctionalBot.Effects.Pace

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// A message whose slot is asked for together with those that wait at the same moment.
[<NoComparison; NoEquality>]
type private Waiting = {
    Request: SlotRequest
    Answer: TaskCompletionSource<Slot>
}

/// Requests that come within this time of the last asking are asked for together: a busy second is at most
/// twenty statements, and a message that comes alone does not wait.
let private gathering = TimeSpan.FromMilliseconds 50.

/// Asks the store for slots, for all that waits at the same moment. While the store is away the node goes on
/// by buckets of its own, at a tenth of the number's rate, since it cannot know what the others send: so
/// nothing is sent blindly, and nothing stops. That lasts for few messages, since new ones cannot be handed
/// out without the store.
let private slotsTogether (limits: PaceLimits) (world: World) (store: StorePort) (log: Engine.EngineLog) =
    let queue = Queue<Waiting>()
    let isAsking = ref false
    let own = ref Map.empty
    let isAway = ref false

    let careful = {
        limits with
            Number =
                limits.Number
                |> Option.map (fun limit -> {
                    limit with
                        Interval = limit.Interval * 10.
                })
    }

    let ownSlots requests =
        lock queue (fun () ->
            let slots, changed = Bucket.reserve careful (world.Now()) own.Value requests
            own.Value <- Map.fold (fun all name taken -> Map.add name taken all) own.Value changed
            slots)

    let slotsFor requests : Task<Slot list> = task {
        let! answer = task {
            try
                let! slots = store.Reserve limits requests
                return Ok slots
            with StoreUnavailable _ as fault ->
                return Error fault
        }

        match answer with
        | Ok slots ->
            if isAway.Value then
                isAway.Value <- false
                own.Value <- Map.empty
                log.Recovered "taking slots for messages"

            return slots
        | Error fault ->
            if not isAway.Value then
                isAway.Value <- true
                log.Trouble "taking slots for messages" fault

            return ownSlots requests
    }

    /// All that waits; an end of the asking if nothing does.
    let takeWaiting () =
        lock queue (fun () ->
            let waiting = List.ofSeq queue
            queue.Clear()
            isAsking.Value <- not waiting.IsEmpty
            waiting)

    let askForAll () : Task = task {
        let mutable waiting = takeWaiting ()

        while not waiting.IsEmpty do
            try
                let! slots = slotsFor (waiting |> List.map _.Request)

                for message, slot in List.zip waiting slots do
                    message.Answer.TrySetResult slot |> ignore
            with fault ->
                for message in waiting do
                    message.Answer.TrySetException fault |> ignore

            do! world.Delay gathering CancellationToken.None
            waiting <- takeWaiting ()
    }

    fun (request: SlotRequest) ->
        let waiting = {
            Request = request
            Answer = TaskCompletionSource<Slot> TaskCreationOptions.RunContinuationsAsynchronously
        }

        let isFirst =
            lock queue (fun () ->
                queue.Enqueue waiting
                let isFirst = not isAsking.Value
                isAsking.Value <- true
                isFirst)

        if isFirst then
            askForAll () |> ignore

        waiting.Answer.Task

/// The port with limits. A message whose slot is near waits for it; one whose slot is further away than the
/// patience is held back until then. Read marks and uploads are no messages and pass.
let create
    (limits: PaceLimits)
    (world: World)
    (store: StorePort)
    (log: Engine.EngineLog)
    (whatsApp: WhatsAppPort)
    : WhatsAppPort =
    let slotFor = slotsTogether limits world store log

    /// Returns None when the message may go, else how long it is held back and why.
    let admit (key: CommandKey) (cancel: CancellationToken) : Task<(TimeSpan * string) option> = task {
        try
            let (CustomerId customer) = key.Session.Customer

            let request: SlotRequest = {
                Channel = key.Session.Channel
                Customer = Some customer
            }

            let! first = slotFor request

            let! last =
                match first with
                | Slot.PairTaken wait -> task {
                    do! world.Delay wait cancel
                    return! slotFor { request with Customer = None }
                  }
                | Slot.Taken _
                | Slot.TooFar _ -> Task.FromResult first

            match last with
            | Slot.TooFar wait ->
                // A little more, so that what waits for the same moment does not come at the same moment.
                let more = TimeSpan.FromMilliseconds(250. * world.Random())
                return Some(wait + more, "held back: WhatsApp's limit of messages is reached")
            | Slot.Taken wait
            | Slot.PairTaken wait ->
                if wait > TimeSpan.Zero then
                    do! world.Delay wait cancel

                return None
        with :? OperationCanceledException when cancel.IsCancellationRequested ->
            return Some(TimeSpan.Zero, "held back: the bot stops")
    }

    if limits.Number.IsNone && limits.Pair.IsNone then
        whatsApp
    else
        {
            whatsApp with
                Send =
                    fun outgoing cancel -> task {
                        match! admit outgoing.Key cancel with
                        | None -> return! whatsApp.Send outgoing cancel
                        | Some(after, reason) -> return HeldBack(after, reason)
                    }
        }
