namespace FunctionalBot.Effects.Memory

open System
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects

/// What becomes of one message.
type MessageFate =
    /// It arrives, and the bot is told so.
    | Arrives
    /// It arrives, and the answer to the bot is lost.
    | LosesAnswer
    /// It is lost on the way, and the bot hears nothing.
    | LosesRequest
    /// It is refused before it is processed.
    | PutsOff of after: TimeSpan option
    /// It will never be sent as it is.
    | RefusesMessage of code: int * reason: string
    /// Nothing is sent at all until somebody acts.
    | StopsChannel of code: int * reason: string

/// A message that was marked as read, with the typing dots.
type ReadMark = {
    Channel: string
    Message: MessageId
    At: DateTimeOffset
}

/// A message at the customer's phone.
type Arrival = {
    Key: CommandKey
    Recipient: Recipient
    Message: OutboundMessage
    Quoted: MessageId option
    /// The id that WhatsApp gave it.
    Id: MessageId
    At: DateTimeOffset
}

/// WhatsApp in memory.
[<NoComparison; NoEquality>]
type MemoryWhatsApp = {
    Port: WhatsAppPort
    /// Everything that arrived, oldest first; the same key twice where the bot sent twice.
    Arrivals: unit -> Arrival list
    /// What was marked as read, oldest first.
    ReadMarks: unit -> ReadMark list
}

/// WhatsApp in memory, with the ways in which it fails.
module MemoryWhatsApp =
    let private outcome fate id =
        match fate with
        | Arrives -> Accepted id
        | LosesAnswer -> OutcomeUnknown "the answer was lost"
        | LosesRequest -> OutcomeUnknown "the request was lost"
        | PutsOff after -> RetryLater(after, "put off")
        | RefusesMessage(code, reason) -> Refused(code, reason)
        | StopsChannel(code, reason) -> ChannelStopped(code, reason)

    /// `latency` is the time on the way there and again on the way back; `fate` is asked for each message
    /// when it is there; `arrived` is told of each arrival as it happens.
    let create
        (world: World)
        (latency: unit -> TimeSpan)
        (fate: CommandKey -> MessageFate)
        (arrived: Arrival -> unit)
        : MemoryWhatsApp =
        let arrivals = ResizeArray<Arrival>()
        let marks = ResizeArray<ReadMark>()

        let send key recipient message quoted (cancel: CancellationToken) : Task<SendOutcome> = task {
            do! world.Delay (latency ()) cancel
            let fate = fate key

            let arrival = {
                Key = key
                Recipient = recipient
                Message = message
                Quoted = quoted
                Id = MessageId("wamid.out." + world.NewId().ToString "N")
                At = world.Now()
            }

            match fate with
            | Arrives
            | LosesAnswer ->
                lock arrivals (fun () -> arrivals.Add arrival)
                arrived arrival
            | LosesRequest
            | PutsOff _
            | RefusesMessage _
            | StopsChannel _ -> ()

            do! world.Delay (latency ()) cancel
            return outcome fate arrival.Id
        }

        let markRead channel message (cancel: CancellationToken) : Task<SendOutcome> = task {
            do! world.Delay (latency ()) cancel

            let mark: ReadMark = {
                Channel = channel
                Message = message
                At = world.Now()
            }

            lock marks (fun () -> marks.Add mark)
            return Accepted message
        }

        {
            Port = { Send = send; MarkRead = markRead }
            Arrivals = fun () -> lock arrivals (fun () -> List.ofSeq arrivals)
            ReadMarks = fun () -> lock marks (fun () -> List.ofSeq marks)
        }
