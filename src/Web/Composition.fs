/// Builds the ports: the one place that sees every adapter.
module FunctionalBot.Web.Composition

open System
open System.IO
open System.Net.Http
open System.Security.Cryptography
open System.Text
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.OdooAdapter
open FunctionalBot.Web.Configuration
open FunctionalBot.Web.NumberSettings
open FunctionalBot.Web.NumberTexts
open FunctionalBot.Web.ServiceSettings

/// The real clock and chance.
let world: World =
    let time = TimeProvider.System

    {
        Now = fun () -> time.GetUtcNow()
        Elapsed = fun () -> time.GetElapsedTime 0L
        Delay = fun span cancel -> Task.Delay(span, time, cancel)
        NewId = Guid.CreateVersion7
        Random = Random.Shared.NextDouble
    }

/// One client for each service. None follows a redirect: a token must not travel to another host. None keeps cookies:
/// no call depends on another. How many connections there are, the number of parallel calls says.
let newClient (timeout: TimeSpan) : HttpClient =
    let handler =
        new SocketsHttpHandler(
            AllowAutoRedirect = false,
            UseCookies = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes 5.,
            ConnectTimeout = TimeSpan.FromSeconds 10.
        )

    new HttpClient(handler, Timeout = timeout)

let business (number: NumberConfiguration) : Business = {
    Name = number.Name
    Contact = number.Contact
}

/// `token` gives the number's token as it is at each call.
let whatsAppSettings
    (configuration: Configuration)
    (number: NumberConfiguration)
    (token: unit -> string)
    : WhatsAppSettings = {
    GraphUrl = configuration.WhatsApp.GraphUrl
    Token = token
    PhoneNumberId = number.Id
    Timeout = TimeSpan.FromSeconds 20.
}

let private openAISettings
    (configuration: Configuration)
    (number: NumberConfiguration)
    knowledge
    apiKey
    model
    baseUrl
    : OpenAIAssistant.Settings = {
    ApiKey = apiKey
    Model = model
    BaseUrl = baseUrl
    Timeout = TimeSpan.FromSeconds 25.
    Instructions = {
        BusinessName = number.Name
        Scope = number.Scope
        Knowledge = knowledge
        AllowedHosts = configuration.AllowedHosts
    }
}

let private assistant (configuration: Configuration) (number: NumberConfiguration) (knowledge: Knowledge) =
    match configuration.Assistant with
    | OpenAI(key, model, url) ->
        OpenAIAssistant.create (openAISettings configuration number knowledge key model url)
    | Local -> LocalAssistant.create knowledge
    | Echo -> EchoAssistant.create ()

let odooSettings (configuration: Configuration) : OdooSettings = {
    Url = configuration.Odoo.Url
    Database = configuration.Odoo.Database
    User = configuration.Odoo.User
    ApiKey = configuration.Odoo.ApiKey
    Model = configuration.Odoo.Model
    Team = configuration.Odoo.Team
    PublicUrl = None
    Protocol = configuration.Odoo.Protocol
    Timeout = TimeSpan.FromSeconds 30.
    KeyField = configuration.Odoo.KeyField
}

/// An HMAC under the app secret: stable for a customer, and useless to whoever does not hold the secret.
let private safetyIdentifier (configuration: Configuration) (CustomerId customer) =
    let key = Encoding.UTF8.GetBytes(List.head configuration.WhatsApp.AppSecrets)
    (Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes customer))).Substring(0, 40)

/// How long a scanner may take for one file.
let private scanLimit = TimeSpan.FromMinutes 2.

/// What looks into files before they are kept.
let scanner (configuration: Configuration) : ScannerPort =
    match configuration.KeptFiles.Scanner with
    | Some(program, arguments) -> CommandScanner.create program arguments scanLimit
    | None -> CommandScanner.none

/// Where the bytes of customers' files lie.
let fileStore (world: World) (configuration: Configuration) : FileStorePort =
    FileFolder.create configuration.KeptFiles.Folder world (scanner configuration)

/// Customers' files: fetched from WhatsApp with the token of the number that they came to, kept in the folder, their
/// rows in the database.
let files
    (world: World)
    (configuration: Configuration)
    (token: NumberConfiguration -> unit -> string)
    (store: FileStorePort)
    (records: FileRecordsPort)
    : FilesPort =
    let settings: FileSettings = {
        Largest = configuration.KeptFiles.Largest
        Keep = configuration.KeptFiles.Keep
    }

    // A large file takes as long as it takes; what stands still is ended by the port itself.
    let client = newClient Timeout.InfiniteTimeSpan

    let portOf (number: NumberConfiguration) =
        let media: MediaSettings = {
            Graph = whatsAppSettings configuration number (token number)
            Hosts = configuration.KeptFiles.Hosts
            Idle = TimeSpan.FromSeconds 30.
        }

        FileKeeping.create settings world (WhatsAppMedia.create media client) store records

    let ports =
        Map [ for number in configuration.Numbers -> channelOf number, portOf number ]

    {
        Fetch =
            fun key request cancel ->
                match Map.tryFind key.Session.Channel ports with
                | Some port -> port.Fetch key request cancel
                // A number that was taken away: its token is not known, and nobody else's is given away. The file
                // waits for the number as everything else of it does.
                | None ->
                    Task.FromResult(
                        Error(FetchHeldBack(TimeSpan.FromMinutes 5., "the business number is not set up"))
                    )
        Open = store.Open
    }

/// What differs from number to number. `tickets` gives the port of a team.
let private numberServices
    (configuration: Configuration)
    (tickets: int64 option -> TicketsPort)
    (texts: NumberTexts)
    (number: NumberConfiguration)
    : Interpreter.NumberServices = {
    Render =
        FormSpeech.render
            texts.Phrases
            (business number)
            (number.Flow |> Option.map (FlowSettings.ticketFlow configuration.FlowKey))
    RenderText = Phrases.renderText texts.Phrases (business number)
    Assistant = assistant configuration number texts.Knowledge
    StandIn = LocalAssistant.create texts.Knowledge
    Tickets = tickets (number.Team |> Option.orElse configuration.Odoo.Team)
}

/// Everything that commands run against. `world` has the time that all nodes share, `token` reads a number's token.
/// All numbers share one client for WhatsApp and one for Odoo.
let services
    (world: World)
    (configuration: Configuration)
    (texts: Texts)
    (store: StorePort)
    (threads: Threads)
    (token: NumberConfiguration -> unit -> string)
    (files: FilesPort)
    : Interpreter.Services =
    // Each call has a limit of its own: one that brings a large file takes longer.
    let tickets =
        Odoo.forTeams (odooSettings configuration) (newClient Timeout.InfiniteTimeSpan)

    let numbers =
        Map [
            for number in configuration.Numbers do
                let channel = channelOf number
                channel, numberServices configuration tickets texts[channel] number
        ]

    let senders = [
        for number in configuration.Numbers -> whatsAppSettings configuration number (token number)
    ]

    {
        World = world
        // Each call has a limit of its own; an upload may take as long as it moves.
        WhatsApp = WhatsAppApi.forNumbers senders (newClient Timeout.InfiniteTimeSpan)
        For = fun channel -> Map.tryFind channel numbers
        Files = files
        ReadStream = store.ReadStream
        ReadThread = threads.Read
        Said = store.Said
        SafetyIdentifier = safetyIdentifier configuration
        Retry = {
            Interpreter.defaultRetry with
                UnknownWait = configuration.UnknownWait
        }
    }

/// The form's endpoint, where there is a key for it. `tell` hears what operators should know.
let flowDoor
    (configuration: Configuration)
    (texts: Texts)
    (store: StorePort)
    (tell: string -> unit)
    : FlowDoor.FlowDoorSettings option =
    let first = List.head configuration.Numbers

    // A form's token names the session that it belongs to, and with it the number.
    let numberOf (token: string) =
        CommandKey.parse token
        |> Option.bind (fun key ->
            configuration.Numbers
            |> List.tryFind (fun number -> channelOf number = key.Session.Channel))
        |> Option.defaultValue first

    configuration.FlowKey
    |> Option.map (fun key -> {
        AppSecrets = configuration.WhatsApp.AppSecrets
        Key = key
        Phrases = fun token -> texts[channelOf (numberOf token)].Phrases
        Standing = fun token -> FormStandings.find store.ReadStream (numberOf token).Language token
        Tell = tell
    })

let engineSettings (configuration: Configuration) : Engine.EngineSettings = {
    Batch = 200
    Messages = configuration.Messages
    Questions = configuration.Questions
    TicketCalls = configuration.TicketCalls
    Files = configuration.Files
    Lease = configuration.Lease
    Poll = TimeSpan.FromMilliseconds 500.
    TimerPoll = TimeSpan.FromMilliseconds 200.
}

/// Conversations kept in memory; some 20 kB each at most.
let keptThreads = 1000

let reception (configuration: Configuration) : Reception.ReceptionSettings =
    let rules: Map<string, Reception.NumberRules> =
        Map [
            for number in configuration.Numbers ->
                channelOf number,
                {
                    Policy = configuration.Policy
                    Language = number.Language
                    Opening =
                        match number.Hours with
                        | Some hours -> BusinessHours.opening hours
                        | None -> fun _ -> OpenNow
                    HasForm = number.Flow.IsSome
                    MessagesAMinute = configuration.MessagesAMinute
                }
        ]

    {
        Number = fun channel -> Map.tryFind channel rules
    }

/// For each channel the way to ask its customers by the template that is set for its number, where one is, through a
/// WhatsApp that keeps to limits and stops.
let lateTemplates
    (world: World)
    (configuration: Configuration)
    (store: StorePort)
    (whatsApp: WhatsAppPort)
    : string -> LateTemplate option =
    let send template (claimed: ClaimedCommand) cancel =
        let key = claimed.Command.Key

        let message =
            TemplateMessage(LateTemplateSettings.forLanguage template claimed.Language)

        let outgoing = {
            Outgoing.ofCommand key claimed.Recipient None message with
                // Nobody's key: its statuses settle nothing.
                Callback = CommandKey.text key + "/template"
        }

        whatsApp.Send outgoing cancel

    let templates =
        Map [
            for number in configuration.Numbers do
                match number.LateTemplate with
                | Some template -> channelOf number, LateTemplate.create world store (send template)
                | None -> ()
        ]

    fun channel -> Map.tryFind channel templates
