/// Meta's door: verifies, stores, answers 200. Nothing is decided here.
module FunctionalBot.Web.Webhook

open System
open System.Buffers
open System.IO
open System.Text
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Effects

/// Meta sends at most this much in one body ("Max body 3 MB", webhooks overview).
let bodyLimit = 3 * 1024 * 1024

/// Stores bodies; those that wait at the same moment share one commit.
[<NoComparison; NoEquality>]
type Receiver = {
    /// Completes when the body is committed. Fails with StoreUnavailable when it could not be.
    Store: ReceivedBody -> Task
    /// Runs until cancelled and empty.
    Run: CancellationToken -> Task
}

/// Commits begin at least so far apart, so that bodies which come one after the other share one. The first after a
/// pause does not wait.
let private breath = TimeSpan.FromMilliseconds 2.

/// Builds the receiver. `stored` is told after each commit for whom something waits.
let receiver (world: World) (store: StorePort) (stored: CustomerKey list -> unit) : Receiver =
    let waiting =
        Channel.CreateBounded<struct (ReceivedBody * TaskCompletionSource)>(BoundedChannelOptions 10_000)

    let receive bodies : Task<exn option> = task {
        try
            let! waiting = store.Receive bodies
            stored waiting
            return None
        with fault ->
            return Some fault
    }

    /// A body that cannot be written as it was read is kept as one that cannot be read: `inbound retry` reads it again.
    let keepAlone body = task {
        match! receive [ body ] with
        | None -> return None
        | Some(StoreUnavailable _ as fault) -> return Some fault
        | Some fault ->
            let reason = "it cannot be stored as it was read: " + fault.GetType().Name
            return! receive [ { body with Updates = Error reason } ]
    }

    let finish (answer: TaskCompletionSource) fault =
        match fault with
        | None -> answer.TrySetResult() |> ignore
        | Some fault -> answer.TrySetException(fault: exn) |> ignore

    // Nobody is turned away because of what another one's body holds.
    let commit (batch: ResizeArray<struct (ReceivedBody * TaskCompletionSource)>) = task {
        match! receive [ for struct (body, _) in batch -> body ] with
        | None
        | Some(StoreUnavailable _) as outcome ->
            for struct (_, answer) in batch do
                finish answer outcome
        | Some _ ->
            for struct (body, answer) in batch do
                let! outcome = keepAlone body
                finish answer outcome
    }

    {
        Store =
            fun body -> task {
                let answer = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously
                do! waiting.Writer.WriteAsync(struct (body, answer))
                do! answer.Task
            }
        Run =
            fun cancel -> task {
                use _ = cancel.Register(fun () -> waiting.Writer.TryComplete() |> ignore)
                let mutable isOpen = true
                let mutable lastCommit = DateTimeOffset.MinValue

                while isOpen do
                    let! more = waiting.Reader.WaitToReadAsync()

                    if not more then
                        isOpen <- false
                    else
                        let since = world.Now() - lastCommit

                        if since >= TimeSpan.Zero && since < breath then
                            do! world.Delay (breath - since) CancellationToken.None

                        lastCommit <- world.Now()
                        let batch = ResizeArray()
                        let mutable bytes = 0
                        let mutable next = Unchecked.defaultof<_>

                        // Bounded by count and by bytes: a commit of large bodies stays small enough to hold.
                        while batch.Count < 200 && bytes < 8_000_000 && waiting.Reader.TryRead &next do
                            let struct (body, _) = next
                            bytes <- bytes + body.Body.Length
                            batch.Add next

                        do! commit batch
            }
    }

/// The settings of the door.
type WebhookSettings = {
    AppSecrets: string list
    VerifyToken: string
}

/// How many bodies were turned away since the start because of their signature.
let mutable private rejections = 0L

/// How many bodies were turned away since the start because of their signature.
let rejectedCount () = Interlocked.Read &rejections

let private answer (context: HttpContext) (status: int) (text: string) : Task =
    context.Response.StatusCode <- status
    context.Response.ContentType <- "text/plain; charset=utf-8"
    context.Response.WriteAsync text

/// The handshake by which Meta checks the address: the challenge comes back if the token is the one that
/// was agreed.
let handshake (settings: WebhookSettings) (context: HttpContext) : Task =
    let query name =
        match context.Request.Query.TryGetValue name with
        | true, values -> values.ToString()
        | _ -> ""

    match
        WhatsAppSignature.challenge
            settings.VerifyToken
            (query "hub.mode")
            (query "hub.verify_token")
            (query "hub.challenge")
    with
    | Some challenge -> answer context 200 challenge
    | None -> answer context 403 "The verify token is not the one that was agreed."

/// Reads the body, or None when it is larger than so many bytes.
let readBody (limit: int) (context: HttpContext) : Task<byte[] option> = task {
    try
        let length = context.Request.ContentLength

        if length.HasValue && length.Value > int64 limit then
            return None
        else
            // What a caller says of the length is believed once it has come: nobody is verified yet.
            let expected = if length.HasValue then int length.Value else 4096
            use buffer = new MemoryStream(min expected 65_536)
            let chunk = ArrayPool<byte>.Shared.Rent 16384

            try
                let mutable tooLong = false
                let mutable finished = false

                while not finished do
                    let! count =
                        context.Request.Body.ReadAsync(Memory<byte> chunk, context.RequestAborted)

                    buffer.Write(chunk, 0, count)
                    tooLong <- buffer.Length > int64 limit
                    finished <- count = 0 || tooLong

                return if tooLong then None else Some(buffer.ToArray())
            finally
                ArrayPool<byte>.Shared.Return chunk
    with :? BadHttpRequestException as tooLarge when tooLarge.StatusCode = 413 ->
        return None
}

/// One POST: 401 for a signature that is none of ours, 413 for a body over the limit, 503 while the
/// database is away (Meta sends it again), else 200 after the commit, whatever the body holds.
let receive
    (settings: WebhookSettings)
    (now: unit -> DateTimeOffset)
    (receiver: Receiver)
    (answered: unit -> unit)
    (trouble: exn -> unit)
    (context: HttpContext)
    : Task =
    let secrets = settings.AppSecrets |> List.map Encoding.UTF8.GetBytes

    let turnAway () =
        Interlocked.Increment &rejections |> ignore
        answer context 401 "The signature does not fit the body."

    task {
        let header = context.Request.Headers["X-Hub-Signature-256"].ToString()

        if header = "" then
            do! turnAway ()
        else
            match! readBody bodyLimit context with
            | None -> do! answer context 413 "The body is larger than 3 MB."
            | Some body when not (WhatsAppSignature.verify secrets header (ReadOnlyMemory body)) ->
                do! turnAway ()
            | Some body ->
                let! stored = task {
                    try
                        do!
                            receiver.Store {
                                Body = body
                                At = now ()
                                Trace = None
                                Updates = WhatsAppInbound.read (ReadOnlyMemory body)
                            }

                        return true
                    with fault ->
                        trouble fault
                        return false
                }

                if stored then
                    do! answer context 200 "EVENT_RECEIVED"
                    do! context.Response.CompleteAsync()
                    answered ()
                else
                    // Never a 500, whatever the reason was: it is worth sending again.
                    context.Response.Headers.RetryAfter <- "5"
                    do! answer context 503 "The message cannot be stored for now. Send it again."
    }
