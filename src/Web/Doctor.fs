/// `bot doctor`: checks each setting against the service that it is for, and says how to mend what is wrong.
module FunctionalBot.Web.Doctor

open System
open System.Net.Http
open System.Net.Http.Headers
open System.Threading
open System.Threading.Tasks
open Spectre.Console
open FunctionalBot.Effects
open FunctionalBot.Effects.OdooAdapter
open FunctionalBot.Web.Configuration
open FunctionalBot.Web.Finding
open FunctionalBot.Web.ServiceSettings

let private texts (configuration: Configuration) () = task {
    return
        match NumberTexts.load configuration with
        | Ok texts ->
            let passages =
                texts.Values
                |> Seq.map (fun number -> (Knowledge.passages number.Knowledge).Length |> string)
                |> String.concat " / "

            Fine $"phrases in 3 languages, %s{passages} knowledge passages"
        | Error problems ->
            Wrong(String.concat "; " problems, "Mend the named files in the data folder (BOT_DATA).")
}

/// The books of a database whose schema is current: what was received is what ended and what is pending.
let private accounts (configuration: Configuration) (migrations: int) = task {
    let operations =
        Store.Operations.create
            configuration.Database
            (fun body -> WhatsAppInbound.read (ReadOnlyMemory body))
            Composition.world

    try
        let! accounting = operations.Accounting()
        let ended = accounting.Ended |> Map.values |> Seq.sum

        let sum =
            sprintf "received %i = ended %i + pending %i" accounting.Received ended accounting.Pending

        return
            match accounting.Received - ended - accounting.Pending with
            | 0L -> Fine(sprintf "reachable, schema is current (%i migrations); %s" migrations sum)
            | missing ->
                Wrong(
                    sprintf "%s does not hold: %i unaccounted" sum missing,
                    "Run bot db check, and keep a copy of the database before anything is mended."
                )
    finally
        operations.Close().GetAwaiter().GetResult()
}

let private database (configuration: Configuration) () = task {
    match! Migrations.status configuration.Database with
    | Ok status when status.Waiting.IsEmpty -> return! accounts configuration status.Applied.Length
    | Ok status ->
        return
            Fine(sprintf "reachable; %i migrations will be applied when the bot starts" status.Waiting.Length)
    | Error problem ->
        return Wrong(Migrations.explain problem, "Check DATABASE_URL and that PostgreSQL runs (pg_isready).")
}

/// How the running nodes see the services. A database that cannot be asked is told by its own check.
let private services (configuration: Configuration) () = task {
    let store =
        Store.PostgresStore.create
            (Store.Settings.ofConnectionString configuration.Database)
            FunctionalBot.Domain.Transition.evolve
            Composition.world

    try
        let! answer = task {
            try
                do! store.Clock.Measure()
                let! states = store.Port.ServiceStates()
                return Ok states
            with StoreUnavailable(message, _) ->
                return Error message
        }

        return
            match answer |> Result.map (Protection.describeTrouble (store.Clock.World.Now())) with
            | Error _ -> Fine "nothing is known; see the database"
            | Ok [] -> Fine "no running node has trouble with a service"
            | Ok trouble ->
                Wrong(
                    String.concat "; " trouble,
                    "See the check of the service itself. The bot goes on by itself once the service answers."
                )
    finally
        store.Close().Wait()
}

let private openAI (key: string) (model: string) (baseUrl: Uri) () = task {
    use client = Composition.newClient (TimeSpan.FromSeconds 15.)

    use request =
        new HttpRequestMessage(
            HttpMethod.Get,
            baseUrl.ToString().TrimEnd '/' + "/models/" + Uri.EscapeDataString model
        )

    request.Headers.Authorization <- AuthenticationHeaderValue("Bearer", key)

    try
        use! response = client.SendAsync request

        return
            match int response.StatusCode with
            | 200 -> Fine("model " + model + " is there")
            | 401 -> Wrong("OpenAI does not accept the key", "Make a new OPENAI_API_KEY.")
            | 404 ->
                Wrong(
                    "the model " + model + " does not exist for this key",
                    "Set OPENAI_MODEL to one that does."
                )
            | status -> Wrong(sprintf "OpenAI answered %i" status, "Try again; check OPENAI_BASE_URL.")
    with :? HttpRequestException as problem ->
        return Wrong("OpenAI cannot be reached: " + problem.Message, "Check OPENAI_BASE_URL and the network.")
}

let private assistant (configuration: Configuration) : unit -> Task<Finding> =
    match configuration.Assistant with
    | OpenAI(key, model, url) -> openAI key model url
    | Local -> fun () -> Task.FromResult(Fine "local: answers from data/knowledge, without a language model")
    | Echo -> fun () -> Task.FromResult(Fine "echo: for benchmarks only; customers get their own words back")

let private odoo (configuration: Configuration) (team: int64 option) () = task {
    use client = Composition.newClient (TimeSpan.FromSeconds 30.)

    let settings = {
        Composition.odooSettings configuration with
            Team = team
    }

    let! findings = Odoo.check settings client CancellationToken.None

    let problems =
        findings
        |> List.choose (function
            | OdooFinding.Problem(what, mend) -> Some(what, mend)
            | OdooFinding.Fine _
            | OdooFinding.Notice _ -> None)

    let facts =
        findings
        |> List.choose (function
            | OdooFinding.Fine what -> Some what
            | OdooFinding.Notice(what, mend) -> Some(what + " (" + mend + ")")
            | OdooFinding.Problem _ -> None)

    return
        match problems with
        | [] -> Fine(String.concat "; " facts)
        | problems ->
            Wrong(
                problems |> List.map fst |> String.concat "; ",
                problems |> List.map snd |> String.concat " "
            )
}

/// Whether customers' files can be kept, and whether the scanner, where one is set, calls a text clean.
let private files (configuration: Configuration) () = task {
    let folder = configuration.KeptFiles.Folder

    match!
        FileFolder.check folder Composition.world (Composition.scanner configuration) CancellationToken.None
    with
    | Ok() when configuration.KeptFiles.Scanner.IsSome ->
        return Fine(sprintf "%s can be written, and the scanner works" folder)
    | Ok() -> return Fine(sprintf "%s can be written; files are not scanned (BOT_SCAN_COMMAND)" folder)
    | Error problem ->
        return
            Wrong(
                sprintf "%s: %s" folder problem,
                "Set BOT_FILES to a folder that the bot may write, and BOT_SCAN_COMMAND to a scanner that works."
            )
}

/// One check of Odoo for each team that gets tickets.
let private odooChecks (configuration: Configuration) =
    let teams =
        configuration.Numbers
        |> List.map (fun number -> number.Team |> Option.orElse configuration.Odoo.Team)
        |> List.distinct

    [
        for team in teams ->
            let name =
                match team with
                | Some team when teams.Length > 1 -> $"odoo team %d{team}"
                | _ -> "odoo"

            guard name (odoo configuration team)
    ]

/// Runs every check, side by side.
let examine (configuration: Configuration) : Task<Check list> = task {
    let! checks =
        Task.WhenAll [|
            guard "texts" (texts configuration)
            guard "database" (database configuration)
            guard "services" (services configuration)
            yield! WhatsAppChecks.all configuration
            guard "assistant" (assistant configuration)
            yield! odooChecks configuration
            guard "files" (files configuration)
            yield! HoursCheck.all configuration
        |]

    return List.ofArray checks
}

/// For eyes: a mark, a name and a fact a line, and how to mend it below what is wrong.
let print (checks: Check list) =
    let console = Output.console ()
    let width = checks |> List.map _.Name.Length |> List.fold max 10

    let line (mark: string) (name: string) (words: string) =
        console.MarkupLine($"%s{mark} %s{Markup.Escape(name.PadRight width)} %s{Markup.Escape words}")

    for check in checks do
        match check.Finding with
        | Fine fact -> line "[green]ok  [/]" check.Name fact
        | Wrong(problem, mend) ->
            line "[red]FAIL[/]" check.Name problem
            line "    " "" ("fix: " + mend)

/// For scripts.
let printJson (checks: Check list) =
    Document.create [
        "checks",
        Document.list [
            for check in checks do
                Document.fields [
                    "name", Document.text check.Name
                    match check.Finding with
                    | Fine fact ->
                        "ok", Document.truth true
                        "fact", Document.text fact
                    | Wrong(problem, mend) ->
                        "ok", Document.truth false
                        "problem", Document.text problem
                        "fix", Document.text mend
                ]
        ]
    ]
    |> Output.writeJson
