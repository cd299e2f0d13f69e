/// The whole bot on stage: the real program in a process of its own, a real PostgreSQL, and emulators of
/// WhatsApp and Odoo over real HTTP. What is awaited is awaited as a condition, with a limit that only a
/// fault reaches.
module FunctionalBot.Tests.Stage

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Http
open System.Net.Sockets
open System.Security.Cryptography
open System.Text
open System.Text.Json
open System.Threading.Tasks
open FunctionalBot.Emulators
open FunctionalBot.Tests.StoreFixture

/// How tests reach the emulators and the bot.
let client =
    let handler =
        new SocketsHttpHandler(UseProxy = false, Expect100ContinueTimeout = TimeSpan.FromSeconds 30.)

    new HttpClient(handler, Timeout = TimeSpan.FromSeconds 30.)

/// How long a condition may take to come true before the test says that it never will.
let patience = TimeSpan.FromSeconds 60.

/// Looks again and again until the condition gives something. The pause only spares the processor.
let eventually (what: string) (look: unit -> Task<'found option>) : Task<'found> = task {
    let watch = Stopwatch.StartNew()
    let mutable found = None

    while found.IsNone do
        let! seen = look ()
        found <- seen

        if found.IsNone then
            if watch.Elapsed > patience then
                failwith $"Waited in vain for %s{what}."

            do! Task.Delay 20

    return found.Value
}

/// The next port to try. Below the range from which systems draw the ports of outgoing connections: from that range a
/// port that was free a moment ago may be taken when the bot wants it, or wants it again after a crash.
let private nextPort = ref (20_000 + Random.Shared.Next 10_000)

/// A port of 127.0.0.1 that nobody listens on.
let rec freePort () : int =
    let port = Threading.Interlocked.Increment nextPort

    try
        use listener = new TcpListener(IPAddress.Loopback, port)
        listener.Start()
        port
    with :? SocketException ->
        freePort ()

/// One message as a phone shows it.
type Seen = {
    Id: string
    FromBusiness: bool
    /// The text, or the body of an interactive message.
    Text: string
    /// The ids of its buttons or rows.
    Choices: string list
    Status: string
}

let private text (element: JsonElement) (path: string list) =
    let step (found: JsonElement option) (name: string) =
        match found with
        | Some value when value.ValueKind = JsonValueKind.Object ->
            match value.TryGetProperty name with
            | true, inner -> Some inner
            | _ -> None
        | _ -> None

    match List.fold step (Some element) path with
    | Some value when value.ValueKind = JsonValueKind.String -> value.GetString() |> Option.ofObj
    | _ -> None

let private choicesOf (content: JsonElement) =
    let rec ids (element: JsonElement) = [
        match element.ValueKind with
        | JsonValueKind.Object ->
            for property in element.EnumerateObject() do
                if property.Name = "id" && property.Value.ValueKind = JsonValueKind.String then
                    match property.Value.GetString() with
                    | NonNull id -> yield id
                    | _ -> ()

                yield! ids property.Value
        | JsonValueKind.Array ->
            for item in element.EnumerateArray() do
                yield! ids item
        | _ -> ()
    ]

    match content.TryGetProperty "interactive" with
    | true, interactive ->
        match interactive.TryGetProperty "action" with
        | true, action -> ids action
        | _ -> []
    | _ -> []

let private seen (message: JsonElement) : Seen =
    let content = message.GetProperty "content"

    {
        Id = text message [ "id" ] |> Option.defaultValue ""
        FromBusiness = text message [ "from" ] = Some "business"
        Text =
            text content [ "text"; "body" ]
            |> Option.orElse (text content [ "interactive"; "body"; "text" ])
            |> Option.defaultValue ""
        Choices = choicesOf content
        Status = text message [ "status" ] |> Option.defaultValue ""
    }

/// The bot's program, running.
type BotProcess(running: Process, output: ConcurrentQueue<string>) =
    member _.Process = running
    /// What it wrote on the console.
    member _.Output = String.Join("\n", output)

    /// Ends it as `kill -9` does.
    member _.Kill() : Task = task {
        running.Kill()
        do! running.WaitForExitAsync()
    }

    /// Asks it to stop, as a service manager does, and waits for its exit code.
    member _.Stop() : Task<int> = task {
        use kill = Process.Start("kill", [ "-TERM"; string running.Id ])
        do! kill.WaitForExitAsync()
        do! running.WaitForExitAsync()
        return running.ExitCode
    }

/// A stage with its services; the bot comes and goes.
[<NoComparison; NoEquality>]
type Stage = {
    Database: Database
    WhatsApp: WhatsApp.Emulator
    Odoo: Odoo.OdooEmulator.Emulator
    BotAddress: Uri
    Folder: string
    /// What the bot is started with.
    Environment: Map<string, string>
    Bots: ConcurrentQueue<BotProcess>
}

/// The app secret that webhooks are signed with.
let appSecret = WhatsApp.Settings.standard.AppSecret

let private startServices adjust (database: Database) : Task<Stage> = task {
    let port = freePort ()
    let address = Uri $"http://127.0.0.1:%d{port}"

    let! whatsApp =
        WhatsApp.WhatsAppEmulator.start (
            adjust {
                WhatsApp.Settings.standard with
                    WebhookUrl = Some(Uri(address, "/webhook"))
                    BusinessName = "Ferretería La Encina"
                    FirstRetry = TimeSpan.FromMilliseconds 50.
                    LongestRetry = TimeSpan.FromMilliseconds 500.
            }
        )

    let! odoo = Odoo.OdooEmulator.start Odoo.Settings.standard
    let folder = Directory.CreateTempSubdirectory("functionalbot-stage-").FullName

    let environment =
        Map [
            "BOT_URLS", address.ToString()
            "DATABASE_URL", database.ConnectionString
            "WHATSAPP_GRAPH_URL", Uri(whatsApp.Address, "/v25.0").ToString()
            "WHATSAPP_TOKEN", WhatsApp.Settings.standard.AccessToken
            "WHATSAPP_APP_SECRET", "an-older-secret," + appSecret
            "WHATSAPP_VERIFY_TOKEN", WhatsApp.Settings.standard.VerifyToken
            "WHATSAPP_PHONE_NUMBER_ID", WhatsApp.Settings.standard.PhoneNumberId
            "WHATSAPP_BUSINESS_ACCOUNT_ID", WhatsApp.Settings.standard.BusinessAccountId
            "BOT_ASSISTANT", "local"
            "ODOO_URL", odoo.Address.ToString()
            "ODOO_DB", Odoo.Settings.standard.Database
            "ODOO_USER", Odoo.Settings.standard.Login
            "ODOO_API_KEY", Odoo.Settings.standard.ApiKeys.Head
            "BOT_BUSINESS_NAME", "Ferretería La Encina"
            "BOT_BUSINESS_CONTACT", "el 555 01 42"
            "BOT_DATA", Repository.path "data"
            "BOT_LOGS", Path.Combine(folder, "logs")
            "BOT_FILES", Path.Combine(folder, "media")
            "BOT_QUIET_MS", "300"
            "BOT_LEASE_SECONDS", "2"
            "BOT_UNKNOWN_WAIT_SECONDS", "2"
        ]

    return {
        Database = database
        WhatsApp = whatsApp
        Odoo = odoo
        BotAddress = address
        Folder = folder
        Environment = environment
        Bots = ConcurrentQueue()
    }
}

/// The built program of the same configuration as these tests.
let private program () =
    let configuration =
        if AppContext.BaseDirectory.Contains "Release" then
            "Release"
        else
            "Debug"

    Repository.path $"src/Web/bin/%s{configuration}/net10.0/bot.dll"

/// How the program is started with these words and settings on top of nothing: whatever the machine has set is left
/// out.
let prepare (environment: Map<string, string>) (folder: string) (words: string list) : ProcessStartInfo =
    let start = ProcessStartInfo("dotnet", program () :: words)
    start.WorkingDirectory <- folder
    start.RedirectStandardError <- true
    start.RedirectStandardOutput <- true

    for name in List.ofSeq start.Environment.Keys do
        if
            name.StartsWith "BOT_"
            || name.StartsWith "WHATSAPP_"
            || name.StartsWith "ODOO_"
            || name.StartsWith "OPENAI_"
            || name.StartsWith "OTEL_"
            || name = "DATABASE_URL"
        then
            start.Environment.Remove name |> ignore

    for KeyValue(name, value) in environment do
        start.Environment[name] <- value

    start

/// Runs the program with these words and settings.
let launch (environment: Map<string, string>) (folder: string) (words: string list) : BotProcess =
    let start = prepare environment folder words
    let output = ConcurrentQueue<string>()

    let running =
        match Process.Start start with
        | null -> failwith "dotnet could not be started"
        | started -> started

    let keep (line: DataReceivedEventArgs) =
        match line.Data with
        | null -> ()
        | text -> output.Enqueue text

    running.OutputDataReceived.Add keep
    running.ErrorDataReceived.Add keep
    running.BeginOutputReadLine()
    running.BeginErrorReadLine()
    BotProcess(running, output)

/// Starts the bot at an address of its own, with settings on top of the stage's, and waits until it is ready.
let startBotAt (address: Uri) (settings: (string * string) list) (stage: Stage) : Task<BotProcess> = task {
    let environment =
        (stage.Environment, ("BOT_URLS", address.ToString()) :: settings)
        ||> List.fold (fun all (name, value) -> Map.add name value all)

    let bot = launch environment stage.Folder [ "serve" ]
    stage.Bots.Enqueue bot

    do!
        eventually "the bot to be ready" (fun () -> task {
            if bot.Process.HasExited then
                return failwith "The bot ended before it was ready."
            else
                try
                    use! response = client.GetAsync(Uri(address, "/readyz"))
                    return if response.IsSuccessStatusCode then Some() else None
                with :? HttpRequestException ->
                    return None
        })

    return bot
}

/// Starts the bot at the stage's address, with settings on top of the stage's own, and waits until it is ready.
let startBotWith settings (stage: Stage) : Task<BotProcess> =
    startBotAt stage.BotAddress settings stage

let startBot stage = startBotWith [] stage

let private tearDown (stage: Stage) : Task = task {
    for bot in stage.Bots do
        if not bot.Process.HasExited then
            do! bot.Kill()

    do! stage.WhatsApp.Stop()
    do! stage.Odoo.Stop()
    do! (stage.Database :> IAsyncDisposable).DisposeAsync()
    Directory.Delete(stage.Folder, true)
}

/// A customer without a number is addressed by `recipient`, which is newer than the published contract: for the check
/// such a body gets a number.
let private withNumber (body: string) : string =
    match Nodes.JsonNode.Parse body with
    | :? Nodes.JsonObject as fields when fields.ContainsKey "recipient" && not (fields.ContainsKey "to") ->
        fields["to"] <- Nodes.JsonValue.Create "+34600111222"
        fields.ToJsonString()
    | _ -> body

/// Every body that the bot sent on this stage is one that Meta's published contract allows. Where that file is not
/// beside the project, `WhatsAppContractTests` says that it was left out.
let private checkOutboundBodies (stage: Stage) : Task = task {
    match ContractSchema.whatsApp () with
    | None -> ()
    | Some contract ->
        let! body = client.GetStringAsync(Uri(stage.WhatsApp.Address, "/_emulator/requests"))
        use document = JsonDocument.Parse body

        for request in document.RootElement.EnumerateArray() do
            match request.TryGetProperty "body" with
            | true, sent when
                (text request [ "path" ] |> Option.exists (fun path -> path.EndsWith "/messages"))
                && sent.ValueKind = JsonValueKind.Object
                // Read marks have no schema in the file but an example, to which `WhatsAppContractTests` holds them.
                && (text sent [ "status" ]).IsNone
                ->
                match ContractSchema.problems contract "Message" (withNumber (sent.GetRawText())) with
                | [] -> ()
                | problems -> failwith $"The bot sent %s{sent.GetRawText()}, but: %A{problems}"
            | _ -> ()
}

/// Plays on a stage of its own, on the database that is given, with the emulator of WhatsApp set as `adjust` says.
/// When the play fails, what the bot wrote is shown with the failure.
let onStageWith
    (adjust: WhatsApp.Settings -> WhatsApp.Settings)
    (database: Database)
    (play: Stage -> Task<unit>)
    : Task = task {
    let! stage = startServices adjust database

    try
        try
            do! play stage
            do! checkOutboundBodies stage
        with fault ->
            let outputs = stage.Bots |> Seq.map _.Output |> String.concat "\n---\n"
            raise (Exception($"%s{fault.Message}\nThe bot wrote:\n%s{outputs}", fault))
    finally
        (tearDown stage).GetAwaiter().GetResult()
}

/// Plays on a stage of its own with a database of its own.
let onStage (play: Stage -> Task<unit>) : Task = task {
    let! database = createDatabase ()
    do! onStageWith id database play
}

let private post (address: Uri) (path: string) (json: string) : Task<string> = task {
    use content = new StringContent(json, Encoding.UTF8, "application/json")
    use! response = client.PostAsync(Uri(address, path), content)
    let! body = response.Content.ReadAsStringAsync()

    if not response.IsSuccessStatusCode then
        failwith $"%s{path} answered %d{int response.StatusCode}: %s{body}"

    return body
}

/// Sets switches of the WhatsApp emulator, written as its control page says.
let whatsAppFaults (json: string) stage : Task<string> =
    post stage.WhatsApp.Address "/_emulator/faults" json

/// Sets switches of the Odoo emulator.
let odooFaults (json: string) stage : Task<string> =
    post stage.Odoo.Address "/_emulator/faults" json

/// Every message of a customer's phone, oldest first.
let messages (customer: string) stage : Task<Seen list> = task {
    let! body =
        client.GetStringAsync(Uri(stage.WhatsApp.Address, "/_emulator/messages?customer=" + customer))

    use document = JsonDocument.Parse body

    let items =
        match document.RootElement.ValueKind with
        | JsonValueKind.Array -> document.RootElement
        | _ -> document.RootElement.GetProperty "messages"

    return [ for message in items.EnumerateArray() -> seen message ]
}

/// What the bot said to a customer so far.
let said (customer: string) stage : Task<Seen list> = task {
    let! all = messages customer stage
    return all |> List.filter _.FromBusiness
}

/// The customer writes.
let writes (customer: string) (words: string) stage : Task = task {
    let! _ =
        post
            stage.WhatsApp.Address
            "/_emulator/send"
            (JsonSerializer.Serialize {| customer = customer; text = words |})

    return ()
}

/// The customer writes a text of any length, as a webhook could hold it.
let writesAtLength (customer: string) (words: string) stage : Task = task {
    let! _ =
        post
            stage.WhatsApp.Address
            "/_emulator/send"
            (JsonSerializer.Serialize {|
                customer = customer
                message = {|
                    ``type`` = "text"
                    text = {| body = words |}
                |}
            |})

    return ()
}

/// The customer sends a sample: voice, photo, document…
let sendsSample (customer: string) (sample: string) stage : Task = task {
    let! _ =
        post
            stage.WhatsApp.Address
            "/_emulator/send"
            (JsonSerializer.Serialize {|
                customer = customer
                sample = sample
            |})

    return ()
}

/// Waits for the n-th message of the bot to this customer (from 1) and gives it.
let hears (customer: string) (count: int) stage : Task<Seen> =
    eventually $"message %d{count} to %s{customer}" (fun () -> task {
        let! all = said customer stage
        return if all.Length >= count then Some all[count - 1] else None
    })

/// The customer presses a choice on the bot's message.
let presses (customer: string) (message: Seen) (choice: string) stage : Task = task {
    let! _ =
        post
            stage.WhatsApp.Address
            "/_emulator/send"
            (JsonSerializer.Serialize {|
                customer = customer
                press = {| message = message.Id; id = choice |}
            |})

    return ()
}

/// A ticket as Odoo's emulator holds it.
type SeenTicket = {
    Number: string
    Name: string
    Description: string
    Email: string
}

/// All tickets, oldest first.
let tickets stage : Task<SeenTicket list> = task {
    let! body = client.GetStringAsync(Uri(stage.Odoo.Address, "/_emulator/tickets"))
    use document = JsonDocument.Parse body

    return [
        for ticket in document.RootElement.EnumerateArray() do
            let field name =
                text ticket [ name ] |> Option.defaultValue ""

            {
                Number = field "number"
                Name = field "name"
                Description = field "description"
                Email = field "partner_email"
            }
    ]
}

/// The bot's own accounting, as /readyz tells it.
let accounting stage : Task<JsonElement> = task {
    let! body = client.GetStringAsync(Uri(stage.BotAddress, "/readyz"))
    return (JsonDocument.Parse body).RootElement
}

/// Waits until everything that was received has ended and no command is open.
let quiet stage : Task =
    eventually "everything to be done" (fun () -> task {
        let! state = accounting stage
        let number (name: string) = (state.GetProperty name).GetInt64()

        let openCommands =
            [ "ready"; "running"; "unknown" ]
            |> List.sumBy (fun name ->
                match (state.GetProperty "commands").TryGetProperty name with
                | true, count -> count.GetInt64()
                | _ -> 0L)

        let delivered = stage.WhatsApp.Pending() = 0

        return
            if
                delivered
                && number "pending" = 0L
                && openCommands = 0L
                && number "unaccounted" = 0L
            then
                Some()
            else
                None
    })
    :> Task

/// Signs a body as Meta does.
let sign (secret: string) (body: byte[]) =
    "sha256="
    + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes secret, body))

/// Posts raw bytes to the webhook, and gives the status.
let postWebhook (signature: string option) (body: byte[]) stage : Task<int> = task {
    use request =
        new HttpRequestMessage(HttpMethod.Post, Uri(stage.BotAddress, "/webhook"))

    request.Content <- new ByteArrayContent(body)
    // A body that is turned away for its size is not sent: the connection would be closed in the middle of it.
    request.Headers.ExpectContinue <- Nullable(body.Length > 1_000_000)

    match signature with
    | Some header -> request.Headers.TryAddWithoutValidation("X-Hub-Signature-256", header) |> ignore
    | None -> ()

    use! response = client.SendAsync request
    return int response.StatusCode
}

/// Gets a path of the bot: status and body.
let get (path: string) stage : Task<int * string> = task {
    use! response = client.GetAsync(Uri(stage.BotAddress, path))
    let! body = response.Content.ReadAsStringAsync()
    return int response.StatusCode, body
}
