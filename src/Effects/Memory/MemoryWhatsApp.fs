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
    /// The bot is told that it was accepted, and it does not arrive: a status says so later.
    | AcceptsInVain of id: MessageId
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
    /// What each of its statuses brings back.
    Callback: string
    Recipient: Recipient
    Message: OutboundMessage
    Quoted: MessageId option
    /// The id that WhatsApp gave it.
    Id: MessageId
    At: DateTimeOffset
}

/// A file that was uploaded.
type MemoryUpload = {
    Channel: string
    File: UploadedFile
    /// How many bytes came.
    Size: int64
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
    /// The files that were uploaded, oldest first.
    Uploads: unit -> MemoryUpload list
}

/// WhatsApp in memory, with the ways in which it fails.
module MemoryWhatsApp =
    let private outcome fate id =
        match fate with
        | Arrives -> Accepted id
        | AcceptsInVain id -> Accepted id
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
        let uploads = ResizeArray<MemoryUpload>()

        let send (outgoing: Outgoing) (cancel: CancellationToken) : Task<SendOutcome> = task {
            do! world.Delay (latency ()) cancel
            let fate = fate outgoing.Key

            let arrival: Arrival = {
                Key = outgoing.Key
                Callback = outgoing.Callback
                Recipient = outgoing.Recipient
                Message = outgoing.Message
                Quoted = outgoing.Quoted
                Id = MessageId("wamid.out." + world.NewId().ToString "N")
                At = world.Now()
            }

            match fate with
            | Arrives
            | LosesAnswer ->
                lock arrivals (fun () -> arrivals.Add arrival)
                arrived arrival
            | LosesRequest
            | AcceptsInVain _
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

        /// Reads the file through, as a network does. One that is gone or of another length is refused.
        let upload channel (file: FileUpload) (cancel: CancellationToken) = task {
            do! world.Delay (latency ()) cancel

            match! file.Open cancel with
            | None -> return Error(Refused(0, "the file is not kept any more"))
            | Some source ->
                use source = source
                let buffer = Array.zeroCreate<byte> 65536
                let size = ref 0L
                let count = ref -1

                while count.Value <> 0 do
                    let! read = source.ReadAsync(Memory buffer, cancel)
                    count.Value <- read
                    size.Value <- size.Value + int64 read

                do! world.Delay (latency ()) cancel

                if size.Value <> file.Size then
                    return Error(Refused(0, "the file is not as long as it was said to be"))
                else
                    let uploaded = FileUpload.uploadedAs (world.NewId().ToString "N") file

                    lock uploads (fun () ->
                        uploads.Add {
                            Channel = channel
                            File = uploaded
                            Size = size.Value
                            At = world.Now()
                        })

                    return Ok uploaded
        }

        {
            Port = {
                Send = send
                MarkRead = markRead
                Upload = upload
            }
            Arrivals = fun () -> lock arrivals (fun () -> List.ofSeq arrivals)
            ReadMarks = fun () -> lock marks (fun () -> List.ofSeq marks)
            Uploads = fun () -> lock uploads (fun () -> List.ofSeq uploads)
        }
