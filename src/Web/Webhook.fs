/// Meta's door: verifies, stores, answers 200. Nothing is decided here.
module FunctionalBot.Web.Webhook

open System
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Effects
open FunctionalBot.Web.SignedBody

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

/// So many bytes of bodies wait at most: while the database is slow, memory does not grow with what Meta sends.
let private mostWaiting = 64L * 1024L * 1024L

/// Builds the receiver. A body that comes while too many wait is not taken: who sent it is to send it again.
/// `stored` is told after each commit for whom something waits.
let receiver (world: World) (store: StorePort) (stored: CustomerKey list -> unit) : Receiver =
    let waiting =
        Channel.CreateBounded<struct (ReceivedBody * TaskCompletionSource)>(BoundedChannelOptions 10_000)

    let held = ref 0L

    let tooMany () =
        let reason = "too many webhooks wait for the database"
        StoreUnavailable(reason, InvalidOperationException reason)

    /// Waits for the body's commit.
    let wait body : Task = task {
        let answer = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously
        do! waiting.Writer.WriteAsync(struct (body, answer))
        do! answer.Task
    }

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
                let size = int64 body.Body.Length

                try
                    if Interlocked.Add(&held.contents, size) > mostWaiting then
                        raise (tooMany ())

                    do! wait body
                finally
                    Interlocked.Add(&held.contents, -size) |> ignore
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
    let readBody = SignedBody.reader settings.AppSecrets bodyLimit

    /// Whether it was stored.
    let store (body: byte[]) = task {
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

    task {
        match! readBody context with
        | TooLarge -> do! answer context 413 "The body is larger than 3 MB."
        | NotSigned ->
            Interlocked.Increment &rejections |> ignore
            do! answer context 401 "The signature does not fit the body."
        | Signed body ->
            match! store body with
            | true ->
                do! answer context 200 "EVENT_RECEIVED"
                do! context.Response.CompleteAsync()
                answered ()
            | false ->
                // Never a 500, whatever the reason was: it is worth sending again.
                context.Response.Headers.RetryAfter <- "5"
                do! answer context 503 "The message cannot be stored for now. Send it again."
    }
