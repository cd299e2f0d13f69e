/// The emulators as a program of their own: starts them, prints where each answers, and stops them on Ctrl-C
/// or SIGTERM. Ports come from EMULATOR_WHATSAPP_PORT, EMULATOR_OPENAI_PORT and EMULATOR_ODOO_PORT (0 takes
/// any free one); EMULATOR_DATA names the folder that keeps their state over restarts. What the emulators and
/// the bot agree on comes from EMULATOR_WEBHOOK_URL, EMULATOR_APP_SECRET, EMULATOR_VERIFY_TOKEN,
/// EMULATOR_ACCESS_TOKEN, EMULATOR_PHONE_NUMBER_ID, EMULATOR_BUSINESS_NAME and EMULATOR_ODOO_API_KEY;
/// EMULATOR_NUMBERS has further business numbers as id:number:name, several apart by commas.
module FunctionalBot.Emulators.Program

open System
open System.IO
open System.Runtime.InteropServices
open System.Threading.Tasks

/// A started emulator: its name on the screen, where it answers, and how it ends.
[<NoComparison; NoEquality>]
type private Started = {
    Name: string
    Address: Uri
    Stop: unit -> Task
}

let private variable (name: string) : string option =
    match Environment.GetEnvironmentVariable name with
    | null
    | "" -> None
    | value -> Some value

let private port (name: string) (standard: int) : Result<int, string> =
    match variable name with
    | None -> Ok standard
    | Some text ->
        match Int32.TryParse text with
        | true, number when number >= 0 && number <= 65535 -> Ok number
        | _ -> Error $"%s{name} is \"%s{text}\"; it must be a port from 0 (any free one) to 65535."

/// The further business numbers of EMULATOR_NUMBERS.
let private otherNumbers () =
    variable "EMULATOR_NUMBERS"
    |> Option.defaultValue ""
    |> WhatsApp.Settings.readNumbers
    |> Result.mapError (fun problem -> $"EMULATOR_NUMBERS: %s{problem}")

let private startWhatsApp (dataFolder: string option) (port: int) : Task<Started> = task {
    let standard = WhatsApp.Settings.standard

    let orStandard name fallback =
        variable name |> Option.defaultValue fallback

    let! emulator =
        WhatsApp.WhatsAppEmulator.start {
            standard with
                Port = port
                PhoneNumberId = orStandard "EMULATOR_PHONE_NUMBER_ID" standard.PhoneNumberId
                BusinessName = orStandard "EMULATOR_BUSINESS_NAME" standard.BusinessName
                OtherNumbers = otherNumbers () |> Result.defaultValue []
                AccessToken = orStandard "EMULATOR_ACCESS_TOKEN" standard.AccessToken
                AppSecret = orStandard "EMULATOR_APP_SECRET" standard.AppSecret
                VerifyToken = orStandard "EMULATOR_VERIFY_TOKEN" standard.VerifyToken
                WebhookUrl = variable "EMULATOR_WEBHOOK_URL" |> Option.bind WhatsApp.WebAddress.tryRead
                DataFile = dataFolder |> Option.map (fun folder -> Path.Combine(folder, "whatsapp.json"))
        }

    return {
        Name = "WhatsApp"
        Address = emulator.Address
        Stop = emulator.Stop
    }
}

let private startOdoo (dataFolder: string option) (port: int) : Task<Started> = task {
    let! emulator =
        Odoo.OdooEmulator.start {
            Odoo.Settings.standard with
                Port = port
                ApiKeys =
                    variable "EMULATOR_ODOO_API_KEY"
                    |> Option.toList
                    |> List.append Odoo.Settings.standard.ApiKeys
                DataFile = dataFolder |> Option.map (fun folder -> Path.Combine(folder, "odoo.jsonl"))
        }

    return {
        Name = "Odoo"
        Address = emulator.Address
        Stop = emulator.Stop
    }
}

let private startOpenAI (_: string option) (port: int) : Task<Started> = task {
    let! emulator =
        OpenAI.OpenAIEmulator.start {
            OpenAI.Settings.standard with
                Port = port
        }

    return {
        Name = "OpenAI"
        Address = emulator.Address
        Stop = emulator.Stop
    }
}

/// Every emulator: the variable of its port, the port without one, how it starts.
let private emulators = [
    "EMULATOR_WHATSAPP_PORT", 8081, startWhatsApp
    "EMULATOR_OPENAI_PORT", 8082, startOpenAI
    "EMULATOR_ODOO_PORT", 8083, startOdoo
]

/// Ends when the program is asked to stop.
let private waitForStop () : Task = task {
    let asked = TaskCompletionSource()

    let stop (context: PosixSignalContext) =
        // The default would end the process before the emulators have stopped.
        context.Cancel <- true
        asked.TrySetResult() |> ignore

    use _ = PosixSignalRegistration.Create(PosixSignal.SIGINT, stop)
    use _ = PosixSignalRegistration.Create(PosixSignal.SIGTERM, stop)
    do! asked.Task
}

let private run (ports: (int * (int -> Task<Started>)) list) : Task<int> = task {
    let running = ResizeArray<Started>()

    try
        try
            for number, start in ports do
                let! started = start number
                running.Add started
                printfn $"%-9s{started.Name} %s{started.Address.ToString()}"

            do! waitForStop ()
            return 0
        with :? IOException as problem ->
            eprintfn $"An emulator could not start: %s{problem.Message}"
            return 1
    finally
        Task.WhenAll(running |> Seq.map (fun started -> started.Stop())).Wait()
}

/// Exit codes: 0 after a stop, 1 when a port is taken, 2 when a setting is wrong.
[<EntryPoint>]
let main _ =
    let dataFolder = variable "EMULATOR_DATA"

    let settings =
        emulators
        |> List.map (fun (name, standard, start) ->
            port name standard |> Result.map (fun number -> number, start dataFolder))

    let problemOf setting =
        match setting with
        | Error problem -> Some problem
        | Ok _ -> None

    let problems =
        List.choose problemOf settings @ Option.toList (problemOf (otherNumbers ()))

    if problems.IsEmpty then
        (run (settings |> List.choose Result.toOption)).GetAwaiter().GetResult()
    else
        List.iter (fun problem -> eprintfn $"%s{problem}") problems
        2
