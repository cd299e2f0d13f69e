/// The whole bot on one machine, with stand-ins for WhatsApp and Odoo, a PostgreSQL of its own and no account
/// anywhere.
module FunctionalBot.Build.Demo

open System
open System.IO
open System.Net.Http
open System.Threading
open FunctionalBot.Build.Children
open FunctionalBot.Build.DemoSettings
open FunctionalBot.Build.Processes
open FunctionalBot.Build.SetUp

/// How the demo was asked for.
type Wish = {
    /// Forget what earlier runs kept.
    Reset: bool
    /// Stop as soon as everything answers: for tests.
    ExitWhenReady: bool
}

/// Asks an address until it answers in the way that is wanted. A child that ends meanwhile ends the waiting.
let private waitFor
    (context: Context)
    (client: HttpClient)
    (child: Child)
    (accept: HttpResponseMessage -> bool)
    address
    =
    let deadline = DateTime.UtcNow.AddSeconds 60.0

    let answers () =
        try
            use response = client.GetAsync(Uri address).GetAwaiter().GetResult()
            accept response
        with
        | :? HttpRequestException
        | :? OperationCanceledException -> false

    let rec again () =
        match ended child with
        | Some problem -> Error problem
        | None when context.Interrupted.IsCancellationRequested -> Error "Interrupted."
        | None when answers () -> Ok()
        | None when DateTime.UtcNow > deadline ->
            Error $"%s{child.Name} runs but %s{address} did not answer within a minute; see the folder logs."
        | None ->
            Thread.Sleep 100
            again ()

    again ()

/// Waits until somebody stops the demo (no error) or a part of it stops by itself (an error that says which).
let rec private watchOver (context: Context) (children: Child list) : Result<unit, string> =
    match List.tryPick ended children with
    | Some problem -> Error problem
    | None ->
        if context.Interrupted.WaitHandle.WaitOne 200 then
            Ok()
        else
            watchOver context children

/// The bot and the emulators of a demo that was killed go on without it; their numbers were written down.
let private clearLeftovers (context: Context) (file: string) : unit =
    if File.Exists file then
        for line in File.ReadAllLines file do
            match Int32.TryParse line with
            | true, number when (commandLineOf number).Contains context.Project -> killById number
            | _ -> ()

        File.Delete file

let private startChild (context: Context) (numbers: string) name log program arguments environment =
    let wanted = {
        invocation context.Project program arguments with
            Environment = environment
    }

    Children.start name (Path.Combine(context.Project, "logs", log)) wanted
    |> Result.map (fun child ->
        File.AppendAllText(numbers, $"%d{child.Running.Id}\n")
        child)

/// Runs `inside` with a child that is stopped afterwards, whatever happened.
let private withChild
    (title: string)
    (started: Result<Child, string>)
    (inside: Child -> Result<unit, string>)
    =
    started
    |> Result.bind (fun child ->
        try
            inside child
        finally
            Steps.step title (fun () -> Ok(Children.stop child)) |> ignore)

let private output (context: Context) (project: string) (file: string) =
    Path.Combine(context.Project, "src", project, "bin", "Release", "net10.0", file)

let private runParts
    (context: Context)
    (wish: Wish)
    (kept: string)
    (database: string)
    : Result<unit, string> =
    let ports = choosePorts ()
    let numbers = Path.Combine(kept, "processes")
    let botSettings, emulatorSettings = environments kept ports database
    use client = new HttpClient(Timeout = TimeSpan.FromSeconds 5.0)
    let wait = waitFor context client

    let startEmulators () =
        let dll = output context "Emulators" "FunctionalBot.Emulators.dll"
        startChild context numbers "The emulators" "demo-emulators.log" "dotnet" [ dll ] emulatorSettings

    let startBot () =
        let program, arguments =
            if OperatingSystem.IsWindows() then
                "dotnet", [ output context "Web" "bot.dll"; "serve" ]
            else
                Path.Combine(context.Project, "bot"), [ "serve" ]

        startChild context numbers "The bot" "demo-bot.log" program arguments botSettings

    let emulatorsAnswer emulators () =
        [ ports.Phone; ports.Desk ]
        |> List.map (fun port () -> wait emulators (fun _ -> true) (at port))
        |> Steps.inOrder

    let botIsReady bot () =
        wait bot (fun response -> response.IsSuccessStatusCode) (at ports.Bot + "/readyz")

    let whenReady children =
        showReady ports

        if wish.ExitWhenReady then
            Ok()
        else
            watchOver context children

    withChild "Stopping the emulators" (startEmulators ()) (fun emulators ->
        Steps.step "Emulators of WhatsApp and Odoo" (emulatorsAnswer emulators)
        |> Result.bind (fun () ->
            withChild "Stopping the bot" (startBot ()) (fun bot ->
                Steps.step "Bot" (botIsReady bot)
                |> Result.bind (fun () -> whenReady [ bot; emulators ]))))

/// Runs the demo until it is stopped: PostgreSQL, the emulators and the bot, which are stopped in the
/// opposite order. What they keep lies in data/postgres and data/demo. The solution must have been built.
let run (context: Context) (wish: Wish) : Result<unit, string> =
    let data = Path.Combine(context.Project, "data", "postgres")
    let kept = Path.Combine(context.Project, "data", "demo")
    Directory.CreateDirectory kept |> ignore

    let alone () =
        try
            Ok(
                new FileStream(
                    Path.Combine(kept, "lock"),
                    FileMode.OpenOrCreate,
                    FileAccess.Write,
                    FileShare.None
                )
            )
        with :? IOException ->
            Error "A demo of this folder runs already. Stop it first (Ctrl-C where it runs)."

    let reset () =
        if wish.Reset then
            Steps.step "Forgetting earlier runs" (fun () ->
                let emulators = Path.Combine(kept, "emulators")

                if Directory.Exists emulators then
                    Directory.Delete(emulators, recursive = true)

                PrivatePostgres.discard data)
        else
            Ok()

    let startDatabase () =
        Steps.step "PostgreSQL in data/postgres" (fun () ->
            PrivatePostgres.start {
                Project = context.Project
                Folder = data
                Fast = false
            })

    alone ()
    |> Result.bind (fun lockFile ->
        use _ = lockFile
        clearLeftovers context (Path.Combine(kept, "processes"))

        reset ()
        |> Result.bind (fun () -> SetUp.postgres context (PrivatePostgres.requiredMajor data))
        |> Result.bind startDatabase
        |> Result.bind (fun cluster ->
            let result =
                try
                    runParts context wish kept cluster.Connection
                finally
                    File.Delete(Path.Combine(kept, "processes"))

            let stopped =
                Steps.step "Stopping PostgreSQL" (fun () -> PrivatePostgres.stop cluster)

            result |> Result.bind (fun () -> stopped)))
