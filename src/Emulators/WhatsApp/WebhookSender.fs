namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Collections.Generic
open System.Net.Http
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks

/// Brings updates to the webhook and repeats what is not answered with 200, for as long as it takes. `tried`
/// hears of each update whose attempt failed, `accepted` of each that was answered with 200, `changed` of any
/// change worth showing.
[<Sealed>]
type WebhookSender
    (
        settings: Settings,
        account: Account,
        faults: FaultSwitches,
        now: unit -> DateTimeOffset,
        tried: Update -> unit,
        accepted: Update -> unit,
        changed: unit -> unit
    ) =
    let gate = obj ()
    let stopping = new CancellationTokenSource()
    let unsettled = SortedDictionary<int64, Update>()
    let log = DeliveryLog(settings.JournalLimit, now)
    let mutable lastUpdate, lastDelivery = 0L, 0L
    let mutable url = settings.WebhookUrl
    let mutable urlSet = TaskCompletionSource()

    let client =
        new HttpClient(
            new SocketsHttpHandler(UseProxy = false, AllowAutoRedirect = false, UseCookies = false),
            Timeout = TimeSpan.FromSeconds 20.0
        )

    let wait (time: TimeSpan) =
        if time > TimeSpan.Zero then
            Task.Delay(time, settings.Time, stopping.Token)
        else
            Task.CompletedTask

    let rec address () : Task<Uri> = task {
        match lock gate (fun () -> url, urlSet.Task) with
        | Some found, _ -> return found
        | None, set ->
            do! set.WaitAsync stopping.Token
            return! address ()
    }

    let post (body: byte array) = task {
        let! target = address ()

        let wrong =
            faults.Strikes _.WrongSignature (fun all left -> { all with WrongSignature = left })

        let secret =
            if wrong then
                settings.AppSecret + "-wrong"
            else
                settings.AppSecret

        use request = new HttpRequestMessage(HttpMethod.Post, target)
        let content = new ByteArrayContent(body)

        content.Headers.TryAddWithoutValidation("Content-Type", "application/json")
        |> ignore

        request.Content <- content

        request.Headers.TryAddWithoutValidation("X-Hub-Signature-256", Payload.signature secret body)
        |> ignore

        request.Headers.TryAddWithoutValidation("User-Agent", "facebookexternalua")
        |> ignore

        try
            use! response = client.SendAsync(request, stopping.Token)
            let status = int response.StatusCode
            return if status = 200 then Taken else Refused status
        with
        | :? HttpRequestException as failure -> return Unreached failure.Message
        | :? OperationCanceledException when not stopping.IsCancellationRequested -> return Refused 0
    }

    // A webhook that is to be sent once more is on its way until that is done.
    let settle number updates body attempts = task {
        for _, update in updates do
            accepted update

        try
            if faults.Strikes _.Duplicate (fun all left -> { all with Duplicate = left }) then
                let began = now ()
                let! again = post body
                log.Record(number, body, attempts + 1, began, again)
        finally
            lock gate (fun () ->
                for key, _ in updates do
                    unsettled.Remove(key: int64) |> ignore)

        changed ()
    }

    let isOpen updates =
        lock gate (fun () -> updates |> List.exists (fun (key: int64, _) -> unsettled.ContainsKey key))

    let retryAfter attempts =
        let doubled = settings.FirstRetry * Math.Pow(2.0, float (min attempts 20 - 1))

        if doubled > settings.LongestRetry then
            settings.LongestRetry
        else
            doubled

    // Nothing reaches a bot that is down, so its customers' order is kept by waiting on the spot; what it
    // refuses is repeated apart, since one bad body must not hold up the others.
    let rec attempt number updates body first : Task = task {
        let mutable attempts = first
        let mutable finished = false

        while not finished && isOpen updates do
            let began = now ()
            let! outcome = post body
            log.Record(number, body, attempts, began, outcome)

            match outcome with
            | Taken ->
                finished <- true
                do! settle number updates body attempts
            | Unreached _ ->
                List.iter (snd >> tried) updates
                changed ()
                do! wait (retryAfter attempts)
            | Refused _ ->
                finished <- true
                List.iter (snd >> tried) updates
                changed ()
                repeatApart number updates body attempts

            attempts <- attempts + 1
    }

    and repeatApart number updates body attempts =
        let later = task {
            try
                do! wait (retryAfter attempts)
                do! attempt number updates body (attempts + 1)
            with :? OperationCanceledException ->
                ()
        }

        ignore later

    let send updates = task {
        let still =
            lock gate (fun () -> updates |> List.filter (fun (key: int64, _) -> unsettled.ContainsKey key))

        if not still.IsEmpty then
            let number =
                lock gate (fun () ->
                    lastDelivery <- lastDelivery + 1L
                    lastDelivery)

            do! attempt number still (Payload.envelope settings (List.map snd still)) 1
    }

    let gather (lane: Channel<int64 * Update>) first = task {
        let size = max faults.Current.Shuffle faults.Current.BatchSize
        let found = ResizeArray [ first ]

        if size > 1 then
            do! wait (TimeSpan.FromMilliseconds(float faults.Current.Gather))
            let mutable more = true

            while more && found.Count < size do
                match lane.Reader.TryRead() with
                | true, next -> found.Add next
                | false, _ -> more <- false

        return List.ofSeq found
    }

    let run (lane: Channel<int64 * Update>) : Task = task {
        try
            while not stopping.IsCancellationRequested do
                let! first = lane.Reader.ReadAsync stopping.Token
                let delay = TimeSpan.FromMilliseconds(float faults.Current.WebhookDelay)
                do! wait ((snd first).At + delay - now ())
                let! found = gather lane first

                let ordered =
                    if faults.Current.Shuffle > 1 then
                        faults.Shuffled found
                    else
                        found

                for batch in List.chunkBySize (max 1 faults.Current.BatchSize) ordered do
                    do! send batch
        with :? OperationCanceledException ->
            ()
    }

    let lanes =
        Array.init (max 1 settings.Connections) (fun _ -> Channel.CreateUnbounded<int64 * Update>())

    let running = lanes |> Array.map run

    let enqueue (update: Update) =
        let together = faults.Current.Shuffle > 1 || faults.Current.BatchSize > 1

        let index =
            if together then
                0
            else
                abs (hash update.Lane % lanes.Length)

        lock gate (fun () ->
            lastUpdate <- lastUpdate + 1L
            unsettled[lastUpdate] <- update
            lanes[index].Writer.TryWrite((lastUpdate, update)) |> ignore)

    /// Puts an update on its way; of an account that nobody has subscribed to nothing is told.
    member _.Enqueue update =
        if account.Subscribed then
            enqueue update

    /// Puts an update back on its way that was on it before.
    member _.Resume update = enqueue update

    /// The updates that have not been accepted, oldest first.
    member _.Pending = lock gate (fun () -> List.ofSeq unsettled.Values)

    /// How many updates have not been accepted.
    member _.PendingCount = lock gate (fun () -> unsettled.Count)

    /// The last deliveries, oldest first.
    member _.Deliveries = log.All

    /// What was wrong with the last attempt of all, until one succeeds.
    member _.Problem = log.Problem

    /// Where webhooks go; they wait while this is `None`.
    member _.Url = lock gate (fun () -> url)

    /// Sends webhooks to another address from now on.
    member _.SetUrl(target: Uri) =
        lock gate (fun () ->
            url <- Some target
            urlSet.TrySetResult() |> ignore)

    /// Forgets every update and delivery.
    member _.Clear() =
        lock gate unsettled.Clear
        log.Clear()

    /// Ends all attempts; what is pending stays in `Pending`.
    member _.Stop() : Task = task {
        stopping.Cancel()
        do! Task.WhenAll running
        client.Dispose()
    }
