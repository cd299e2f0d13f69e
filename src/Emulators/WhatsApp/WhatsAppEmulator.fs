namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Net.Http
open System.Security.Cryptography
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// A running emulator. Several can run side by side in one process.
[<NoComparison; NoEquality>]
type Emulator = {
    /// Where the Graph API, the page and `/_emulator` answer, for example `http://127.0.0.1:8081/`.
    Address: Uri
    /// Ends it; the data file is written a last time.
    Stop: unit -> Task
    /// What customers do in the chat with the main number.
    Customers: Customers
    /// What customers do in the chat with the number of this id.
    CustomersOf: string -> Customers option
    /// What is set up: subscription, profiles, keys, forms.
    Account: Account
    /// Customers, messages and the emulator's clock.
    Conversations: Conversations
    Faults: FaultSwitches
    /// The requests that the Graph API has got, oldest first.
    Requests: unit -> Request list
    /// The webhooks that were sent, oldest first.
    Deliveries: unit -> Delivery list
    /// How many updates the bot has not accepted yet.
    Pending: unit -> int
    /// Where webhooks go from now on.
    SetWebhook: Uri -> unit
    /// Asks the webhook for `hub.challenge`, as Meta does when its address is saved.
    Verify: unit -> Task<Result<unit, string>>
    /// The phone of this customer shows its messages: `read` statuses follow.
    Show: string -> unit
    /// Forgets conversations, journals, waiting webhooks and faults.
    Reset: unit -> unit
    /// Waits until the condition holds, looking again at every change. Fails with the words given when it
    /// does not hold within the time.
    Until: string -> TimeSpan -> (unit -> bool) -> Task
}

/// Starts WhatsApp emulators.
[<RequireQualifiedAccess>]
module WhatsAppEmulator =

    let private verify (target: Uri) (token: string) : Task<Result<unit, string>> = task {
        use client =
            new HttpClient(new SocketsHttpHandler(UseProxy = false), Timeout = TimeSpan.FromSeconds 20.0)

        let challenge = string (RandomNumberGenerator.GetInt32(100_000_000, Int32.MaxValue))
        let separator = if target.Query = "" then "?" else "&"

        let query =
            $"hub.mode=subscribe&hub.challenge=%s{challenge}&hub.verify_token=%s{Uri.EscapeDataString token}"

        try
            use! response = client.GetAsync(Uri $"%s{target.AbsoluteUri}%s{separator}%s{query}")
            let! body = response.Content.ReadAsStringAsync()

            return
                if int response.StatusCode <> 200 then
                    Error $"The webhook answered %d{int response.StatusCode} to the verification."
                elif body <> challenge then
                    Error "The webhook answered 200, but its body is not the bare hub.challenge."
                else
                    Ok()
        with
        | :? HttpRequestException as problem ->
            return Error $"The webhook cannot be reached: %s{problem.Message}"
        | :? TaskCanceledException ->
            return Error "The webhook did not answer the verification within 20 seconds."
    }

    let private restore (settings: Settings) (conversations: Conversations) (media: MediaStore) =
        match settings.DataFile |> Option.map Archive.load with
        | None
        | Some(Ok None) -> []
        | Some(Ok(Some archive)) ->
            conversations.Restore archive.Customers archive.Messages
            archive.Media |> List.iter (fun (id, kept) -> media.Restore id kept)
            archive.Pending
        | Some(Error problem) -> raise (IO.InvalidDataException problem)

    let private save
        (settings: Settings)
        (conversations: Conversations)
        (media: MediaStore)
        (sender: WebhookSender)
        =
        settings.DataFile
        |> Option.iter (fun path ->
            Archive.save path {
                Customers = conversations.Customers
                Messages = conversations.All
                Media = media.All
                Pending = sender.Pending
            })

    // Changes come in bursts: one second gathers them into one write.
    let private keepSaving settings (live: Live) write (stopping: CancellationToken) : Task = task {
        try
            while settings.DataFile.IsSome && not stopping.IsCancellationRequested do
                do! live.NextChange.WaitAsync stopping
                do! Task.Delay(TimeSpan.FromSeconds 1.0, settings.Time, stopping)
                write ()
        with :? OperationCanceledException ->
            ()
    }

    let private route graph control (context: HttpContext) : Task =
        let segments =
            (string context.Request.Path).Split('/', StringSplitOptions.RemoveEmptyEntries)
            |> List.ofArray

        match segments with
        | "_emulator" :: rest ->
            (Exchange.onlyFromHere (fun context -> Control.handle control context rest)).Invoke context
        | _ ->
            match Site.tryServe context segments with
            | Some served -> served
            | None -> GraphApi.handle graph context

    let private until (live: Live) (what: string) (time: TimeSpan) condition : Task = task {
        use deadline = new CancellationTokenSource(time)

        try
            let mutable next = live.NextChange

            while not (condition ()) do
                do! next.WaitAsync deadline.Token
                next <- live.NextChange
        with :? OperationCanceledException ->
            raise (TimeoutException $"%s{what} did not happen within %g{time.TotalSeconds} seconds.")
    }

    /// Starts an emulator on 127.0.0.1. A data file that cannot be read is an `InvalidDataException`.
    let start (settings: Settings) : Task<Emulator> = task {
        let live = Live()
        let conversations = Conversations(settings, live)
        let now () = conversations.Now
        let faults = FaultSwitches settings.Seed
        let media = MediaStore(settings.AppSecret, now)
        let account = Account()
        let log = Journal.newest settings.JournalLimit
        let pending = restore settings conversations media

        let step progress update =
            let further message =
                if message.Progress = Read || message.Progress = Delivered then
                    message
                else
                    { message with Progress = progress }

            update.Brings |> Option.iter (fun id -> conversations.Change id further)

        let sender =
            WebhookSender(
                settings,
                account,
                faults,
                now,
                step Sent,
                step Delivered,
                (fun () -> live.Publish("delivery", Json.Fields []))
            )

        let business = Business(settings, conversations, faults, sender, live)

        let chats =
            Map.ofList [
                for number in Settings.numbers settings do
                    number.Id, Customers(number, conversations, faults, sender, media)
            ]

        List.iter sender.Resume pending

        let graph: Graph = {
            Settings = settings
            Business = business
            Faults = faults
            Media = media
            Log = log
            Live = live
            Sender = sender
            Account = account
            Now = now
            Verify = verify
        }

        let control: ControlDesk = {
            Settings = settings
            Conversations = conversations
            Customers = chats.TryFind
            Forms = FormDesk.create settings account conversations
            Business = business
            Sender = sender
            Faults = faults
            Media = media
            Log = log
            Live = live
            Verify = verify
        }

        // The largest media that WhatsApp takes is a document of 100 MB.
        let limit = 105L * 1024L * 1024L

        let! running =
            Hosting.start settings.Port limit (fun app -> app.Run(RequestDelegate(route graph control)))

        let stopping = new CancellationTokenSource()

        let write () =
            save settings conversations media sender

        let saving = keepSaving settings live write stopping.Token

        return {
            Address = running.Address
            Stop =
                fun () -> task {
                    do! running.Stop()
                    do! sender.Stop()
                    stopping.Cancel()
                    do! saving
                    write ()
                }
            Customers = chats[settings.PhoneNumberId]
            CustomersOf = chats.TryFind
            Account = account
            Conversations = conversations
            Faults = faults
            Requests = log.All
            Deliveries = fun () -> sender.Deliveries
            Pending = fun () -> sender.PendingCount
            SetWebhook = sender.SetUrl
            Verify =
                fun () -> task {
                    match sender.Url with
                    | Some url -> return! verify url settings.VerifyToken
                    | None -> return Error "No webhook address is set."
                }
            Show =
                fun id ->
                    conversations.Customer id
                    |> Option.iter (fun customer -> business.Shown(customer, None))
            Reset = fun () -> Control.reset control
            Until = until live
        }
    }
