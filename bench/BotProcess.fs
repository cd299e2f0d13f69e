/// The program that is measured: `bot serve` as a process of its own, as in production.
module FunctionalBot.Bench.BotProcess

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Http
open System.Net.Sockets
open System.Text.Json
open System.Threading
open FunctionalBot.Bench.Database

/// The secret that signs webhook bodies, and the number that they are for; both invented.
let appSecret = "bench-secret"

let phoneNumberId = "100000000000001"

/// A bot that is ready.
[<NoComparison; NoEquality>]
type Bot = {
    Running: Process
    Port: int
    /// From the start of the process to the first 200 of /readyz.
    Start: TimeSpan
    Client: HttpClient
    /// Cancelled when the process ends, by whatever cause.
    Ended: CancellationToken
    /// The last that it wrote.
    LastLines: unit -> string
}

/// Stops what is done, with the bot's last lines, when the bot is not there any more.
let requireAlive (bot: Bot) : unit =
    if bot.Running.HasExited then
        invalidOp
            $"The bot ended by itself with exit code %d{bot.Running.ExitCode}. Its last lines:\n%s{bot.LastLines()}"

let private freePort () =
    use listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    (listener.LocalEndpoint :?> IPEndPoint).Port

/// What differs from the defaults, and changes what is measured.
let chosen = [
    "BOT_ASSISTANT", "echo"
    "BOT_QUIET_MS", "0"
    // The bot is measured, not Meta's limits.
    "BOT_NUMBER_RATE", "0"
    "BOT_PAIR_SECONDS", "0"
    // A customer of the load writes faster than any person.
    "BOT_MESSAGES_A_MINUTE", "0"
    "BOT_LOG_LEVEL", "warning"
]

/// Settings of the host that are not set by the benchmark (BOT_PARALLEL_MESSAGES and others) come from the
/// environment of whoever runs it.
let private settings (database: BenchDatabase) (graphUrl: string) (logs: string) port = [
    "BOT_URLS", $"http://127.0.0.1:%d{port}"
    "DATABASE_URL", database.Connection
    "WHATSAPP_GRAPH_URL", graphUrl
    "WHATSAPP_TOKEN", "bench-token"
    "WHATSAPP_APP_SECRET", appSecret
    "WHATSAPP_VERIFY_TOKEN", "bench-verify"
    "WHATSAPP_PHONE_NUMBER_ID", phoneNumberId
    // Nothing listens there: no measured message needs Odoo.
    "ODOO_URL", "http://127.0.0.1:9"
    "ODOO_DB", "bench"
    "ODOO_USER", "bench"
    "ODOO_API_KEY", "bench"
    "BOT_BUSINESS_NAME", "Ferretería La Encina"
    "BOT_BUSINESS_CONTACT", "el 555 01 42"
    "BOT_LOGS", logs
    "BOT_FILES", IO.Path.Combine(logs, "media")
    yield! chosen
]

/// The names of all that the benchmark sets itself.
let settingNames: string list =
    let nowhere = {
        Server = ""
        Name = ""
        Connection = ""
        Postmaster = None
        Programs = ""
    }

    settings nowhere "" "" 0 |> List.map fst

/// The folder of the built project: the one above this program that holds the solution.
let private projectFolder: string =
    let rec above (folder: DirectoryInfo | null) =
        match folder with
        | null ->
            invalidOp "FunctionalBot.sln is in no folder above the benchmark; run it where it was built."
        | folder when File.Exists(Path.Combine(folder.FullName, "FunctionalBot.sln")) -> folder.FullName
        | folder -> above folder.Parent

    above (DirectoryInfo AppContext.BaseDirectory)

let private launch environment (kept: Queue<string>) (ended: CancellationTokenSource) : Process =
    let start =
        if OperatingSystem.IsWindows() then
            let dll = Path.Combine("src", "Web", "bin", "Release", "net10.0", "bot.dll")
            ProcessStartInfo("dotnet", [ Path.Combine(projectFolder, dll); "serve" ])
        else
            ProcessStartInfo(Path.Combine(projectFolder, "bot"), [ "serve" ])

    start.WorkingDirectory <- Path.GetTempPath()
    start.UseShellExecute <- false
    start.RedirectStandardOutput <- true
    start.RedirectStandardError <- true

    for name, value in environment do
        start.Environment[name] <- value

    let running = new Process(StartInfo = start, EnableRaisingEvents = true)

    let keep (data: DataReceivedEventArgs) =
        match data.Data with
        | null -> ()
        | line ->
            lock kept (fun () ->
                kept.Enqueue line

                if kept.Count > 20 then
                    kept.Dequeue() |> ignore)

    running.Exited.Add(fun _ -> ended.Cancel())
    running.OutputDataReceived.Add keep
    running.ErrorDataReceived.Add keep
    running.Start() |> ignore
    running.BeginOutputReadLine()
    running.BeginErrorReadLine()
    running

/// Asks it to stop (SIGTERM) and waits; one that does not stop within half a minute is killed.
let stop (bot: Bot) : unit =
    if not bot.Running.HasExited then
        if OperatingSystem.IsWindows() then
            bot.Running.Kill(entireProcessTree = true)
        else
            use asked = Process.Start("kill", [ "-TERM"; string bot.Running.Id ])
            asked.WaitForExit()

        if not (bot.Running.WaitForExit(TimeSpan.FromSeconds 30.)) then
            bot.Running.Kill(entireProcessTree = true)

    bot.Running.Dispose()
    bot.Client.Dispose()

/// Starts it and waits until it is ready, at most a minute. `logs` is a folder for its log files.
let startWith
    (more: (string * string) list)
    (database: BenchDatabase)
    (graphUrl: string)
    (logs: string)
    : Bot =
    let port = freePort ()
    let kept = Queue<string>()
    let ended = new CancellationTokenSource()

    let lastLines () =
        lock kept (fun () -> String.Join("\n", kept))

    let client =
        new HttpClient(BaseAddress = Uri $"http://127.0.0.1:%d{port}", Timeout = TimeSpan.FromSeconds 10.)

    let isReady () =
        try
            use response = client.GetAsync("/readyz").GetAwaiter().GetResult()
            response.IsSuccessStatusCode
        with
        | :? HttpRequestException
        | :? OperationCanceledException -> false

    let watch = Stopwatch.StartNew()
    let running = launch (settings database graphUrl logs port @ more) kept ended
    let mutable ready = false

    while not ready do
        if running.HasExited || watch.Elapsed > TimeSpan.FromMinutes 1. then
            if not running.HasExited then
                running.Kill(entireProcessTree = true)

            invalidOp $"The bot did not get ready. Its last lines:\n%s{lastLines ()}"

        ready <- isReady ()

        if not ready then
            Thread.Sleep 5

    {
        Running = running
        Port = port
        Start = watch.Elapsed
        Client = client
        Ended = ended.Token
        LastLines = lastLines
    }

/// The accounting of /readyz, as it is there.
let private accounting (bot: Bot) : JsonElement =
    let text =
        try
            bot.Client.GetStringAsync("/readyz").GetAwaiter().GetResult()
        with :? HttpRequestException ->
            // A process that dies closes its sockets a moment before it is gone.
            bot.Ended.WaitHandle.WaitOne(TimeSpan.FromSeconds 2.) |> ignore
            requireAlive bot
            reraise ()

    use document = JsonDocument.Parse text
    document.RootElement.Clone()

/// How many messages wait, commands that are open included.
let openWork (bot: Bot) : int64 =
    let report = accounting bot
    let commands = report.GetProperty "commands"

    let openCommands =
        [ "ready"; "running"; "unknown" ]
        |> List.sumBy (fun state ->
            match commands.TryGetProperty state with
            | true, count -> count.GetInt64()
            | _ -> 0L)

    (report.GetProperty "pending").GetInt64() + openCommands

/// Messages that were received and neither ended nor wait: 0 unless something was lost.
let unaccounted (bot: Bot) : int64 =
    ((accounting bot).GetProperty "unaccounted").GetInt64()

/// Waits until nothing waits any more. False when that takes longer than the limit.
let waitUntilQuiet (bot: Bot) (limit: TimeSpan) : bool =
    let watch = Stopwatch.StartNew()
    let mutable left = openWork bot

    while left > 0L && watch.Elapsed < limit do
        Thread.Sleep 50
        left <- openWork bot

    left = 0L

/// Starts it with the settings of all measurements.
let start = startWith []
