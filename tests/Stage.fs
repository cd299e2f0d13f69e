/// The whole bot on stage: the real program in a process of its own, a real PostgreSQL, and emulators of
/// WhatsApp and Odoo over real HTTP. What is awaited is awaited as a condition, with a limit that only a
/// fault reaches. What customers do on it is in `StageCustomers`, what can be seen of it in `StageLooks`.
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

/// The text at the end of a path of members, where there is one.
let textAt (element: JsonElement) (path: string list) : string option =
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
                (textAt request [ "path" ]
                 |> Option.exists (fun path -> path.EndsWith "/messages"))
                && sent.ValueKind = JsonValueKind.Object
                // Read marks have no schema in the file but an example, to which `WhatsAppContractTests` holds them.
                && (textAt sent [ "status" ]).IsNone
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

/// Posts JSON to an emulator; the body of its answer.
let postTo (address: Uri) (path: string) (json: string) : Task<string> = task {
    use content = new StringContent(json, Encoding.UTF8, "application/json")
    use! response = client.PostAsync(Uri(address, path), content)
    let! body = response.Content.ReadAsStringAsync()

    if not response.IsSuccessStatusCode then
        failwith $"%s{path} answered %d{int response.StatusCode}: %s{body}"

    return body
}

/// Sets switches of the WhatsApp emulator, written as its control page says.
let whatsAppFaults (json: string) stage : Task<string> =
    postTo stage.WhatsApp.Address "/_emulator/faults" json

/// Sets switches of the Odoo emulator.
let odooFaults (json: string) stage : Task<string> =
    postTo stage.Odoo.Address "/_emulator/faults" json
