/// The settings of the services that the bot speaks to: WhatsApp, the assistant and Odoo.
module FunctionalBot.Web.ServiceSettings

open System
open FunctionalBot.Effects
open FunctionalBot.Effects.OdooAdapter
open FunctionalBot.Web.Setting

/// The Cloud API, as far as it is the same for all numbers.
[<NoComparison>]
type WhatsAppConfiguration = {
    GraphUrl: Uri
    /// All are accepted, so that a secret can be changed without losing a webhook.
    AppSecrets: string list
    VerifyToken: string
}

/// Who answers free questions.
[<NoComparison>]
type AssistantConfiguration =
    | OpenAI of apiKey: string * model: string * baseUrl: Uri
    | Local
    | Echo

/// Odoo.
[<NoComparison>]
type OdooConfiguration = {
    Url: Uri
    Database: string
    User: string
    ApiKey: string
    Model: string
    /// The team or project that gets the tickets, by database id.
    Team: int64 option
    Protocol: OdooProtocol
    /// The char field that holds the bot's key, where the model has it.
    KeyField: string
}

/// What keeps the bot within WhatsApp's limits, and the database from growing for ever.
type LimitConfiguration = {
    /// Messages per second from the business number; 0 sets no limit.
    NumberRate: float
    /// Seconds for each message to one customer; 0 sets no limit.
    PairSeconds: float
    /// Messages to one customer that may go at once.
    PairBurst: int
    /// The first wait before a stopped channel is tried again.
    FirstProbe: TimeSpan
    /// How long what has ended is kept.
    Keep: TimeSpan
}

let private secretHelp =
    "Copy it from Meta for Developers > your app > Settings > Basic."

/// Reads the address of the Graph API.
let graphUrl (source: Source) : Reading<Uri> =
    address
        source
        "WHATSAPP_GRAPH_URL"
        "https://graph.facebook.com/v25.0"
        "Leave it out to use Meta's own address."

/// Reads the word by which Meta and the bot know each other when the webhook is set up.
let verifyToken (source: Source) : Reading<string> =
    required
        source
        "WHATSAPP_VERIFY_TOKEN"
        "Choose any long random text, and type the same one into Meta's webhook settings."

/// Reads WHATSAPP_*, but for what is a number's own.
let whatsApp (source: Source) : Reading<WhatsAppConfiguration> =
    build
        (fun graphUrl secrets verifyToken -> {
            GraphUrl = graphUrl
            AppSecrets = secrets
            VerifyToken = verifyToken
        })
        (graphUrl source)
    |> apply (
        required source "WHATSAPP_APP_SECRET" secretHelp
        |> Result.bind (fun _ -> texts source "WHATSAPP_APP_SECRET" "")
        |> Result.bind (function
            | [] ->
                problem "WHATSAPP_APP_SECRET" "holds no secret, only what stands between several" secretHelp
            | secrets -> Ok secrets)
    )
    |> apply (verifyToken source)

/// Reads the limits.
let limits (source: Source) : Reading<LimitConfiguration> =
    build
        (fun rate seconds burst probe days -> {
            NumberRate = rate
            PairSeconds = seconds
            PairBurst = burst
            FirstProbe = TimeSpan.FromSeconds(value = probe)
            Keep = TimeSpan.FromDays(value = days)
        })
        (amount
            source
            "BOT_NUMBER_RATE"
            80.
            (0., 1000.)
            "Messages per second; Meta allows a number 80 unless it has raised it.")
    |> apply (
        amount
            source
            "BOT_PAIR_SECONDS"
            6.
            (0., 3600.)
            "Seconds for each message to one customer; Meta allows one in 6."
    )
    |> apply (
        number
            source
            "BOT_PAIR_BURST"
            45
            (1, 1000)
            "Messages to one customer that may go at once; Meta allows 45."
    )
    |> apply (
        amount
            source
            "BOT_PROBE_SECONDS"
            30.
            (0.1, 3600.)
            "Seconds after which a stopped channel is tried again; 30 is a good value."
    )
    |> apply (
        amount
            source
            "BOT_KEEP_DAYS"
            30.
            (8., 3650.)
            "Days that ended messages are kept; Meta repeats webhooks for 7, so at least 8."
    )

/// Reads BOT_ASSISTANT and OPENAI_*.
let assistant (source: Source) : Reading<AssistantConfiguration> =
    let openAI =
        build
            (fun key model url -> OpenAI(key, model, url))
            (token
                source
                "OPENAI_API_KEY"
                "Make one at platform.openai.com, or set BOT_ASSISTANT=local to do without.")
        |> apply (withDefault source "OPENAI_MODEL" "gpt-6-luna")
        |> apply (
            address
                source
                "OPENAI_BASE_URL"
                "https://api.openai.com/v1"
                "Leave it out to use OpenAI's own address."
        )

    let kinds = [ "openai", "openai"; "local", "local"; "echo", "echo" ]

    let fallback =
        match source "OPENAI_API_KEY" with
        | Ok None -> "local"
        // A key that cannot be read is told of; without it nothing starts.
        | Ok(Some _)
        | Error _ -> "openai"

    oneOf
        kinds
        source
        "BOT_ASSISTANT"
        fallback
        "openai asks OpenAI, local searches data/knowledge, echo is for benchmarks."
    |> Result.bind (function
        | "openai" -> openAI
        | "echo" -> Ok Echo
        | _ -> Ok Local)

/// Reads ODOO_*.
let odoo (source: Source) : Reading<OdooConfiguration> =
    let team =
        let read (text: string) =
            match Int64.TryParse text with
            | true, id when id > 0L -> Some(Some id)
            | _ -> None

        let mend = "Open the team or project in Odoo; its id is in the address."
        parsed read "a database id" source "ODOO_TEAM_ID" None mend

    build
        (fun url database user key model team protocol keyField -> {
            Url = url
            Database = database
            User = user
            ApiKey = key
            Model = model
            Team = team
            Protocol = protocol
            KeyField = keyField
        })
        (address
            source
            "ODOO_URL"
            ""
            "The address at which your Odoo opens in a browser, for example https://erp.example.com.")
    |> apply (
        required
            source
            "ODOO_DB"
            "The database's name; Odoo shows it in Settings > Developer Tools or on its log-in page."
    )
    |> apply (
        required
            source
            "ODOO_USER"
            "The log-in of the user that the bot works as; make one of its own for it."
    )
    |> apply (
        required source "ODOO_API_KEY" "Log in as that user: Preferences > Account Security > New API Key."
    )
    |> apply (
        oneOf
            [
                for model in [ "helpdesk.ticket"; "project.task"; "crm.lead" ] -> model, model
            ]
            source
            "ODOO_MODEL"
            "helpdesk.ticket"
            "helpdesk.ticket needs Odoo's Helpdesk or OCA's helpdesk_mgmt."
    )
    |> apply team
    |> apply (
        oneOf
            [ "detect", Detect; "json2", Json2; "jsonrpc", JsonRpc ]
            source
            "ODOO_PROTOCOL"
            Detect
            "Leave it out: the bot asks the server."
    )
    |> apply (withDefault source "ODOO_KEY_FIELD" Odoo.defaultKeyField)
