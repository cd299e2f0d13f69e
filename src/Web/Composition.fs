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

/// What is read from the data folder before anything starts.
[<NoComparison; NoEquality>]
type Texts = {
    Phrases: PhraseBook
    Knowledge: Knowledge
}

/// Reads phrases and knowledge, or says everything that is wrong with them.
let loadTexts (configuration: Configuration) : Result<Texts, string list> =
    match
        Phrases.load (Path.Combine(configuration.Data, "phrases")),
        Knowledge.load (Path.Combine(configuration.Data, "knowledge"))
    with
    | Ok phrases, Ok knowledge ->
        Ok {
            Phrases = phrases
            Knowledge = knowledge
        }
    | Error problems, Ok _
    | Ok _, Error problems -> Error problems
    | Error first, Error second -> Error(first @ second)

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

let business (configuration: Configuration) : Business = {
    Name = configuration.BusinessName
    Contact = configuration.BusinessContact
}

/// `token` gives the token as it is at each call.
let whatsAppSettings (token: unit -> string) (configuration: Configuration) : WhatsAppSettings = {
    GraphUrl = configuration.WhatsApp.GraphUrl
    Token = token
    PhoneNumberId = configuration.WhatsApp.PhoneNumberId
    Timeout = TimeSpan.FromSeconds 20.
}

let openAISettings (configuration: Configuration) knowledge apiKey model baseUrl : OpenAIAssistant.Settings = {
    ApiKey = apiKey
    Model = model
    BaseUrl = baseUrl
    Timeout = TimeSpan.FromSeconds 25.
    Instructions = {
        BusinessName = configuration.BusinessName
        Scope = configuration.BusinessScope
        Knowledge = knowledge
        AllowedHosts = configuration.AllowedHosts
    }
}

let private assistant (configuration: Configuration) (texts: Texts) : AssistantPort =
    match configuration.Assistant with
    | OpenAI(key, model, url) ->
        OpenAIAssistant.create (openAISettings configuration texts.Knowledge key model url)
    | Local -> LocalAssistant.create texts.Knowledge
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

/// Customers' files: fetched from WhatsApp with the token, kept in the folder, their rows in the database.
let files
    (world: World)
    (configuration: Configuration)
    (token: unit -> string)
    (store: FileStorePort)
    (records: FileRecordsPort)
    : FilesPort =
    let media: MediaSettings = {
        Graph = whatsAppSettings token configuration
        Hosts = configuration.KeptFiles.Hosts
        Idle = TimeSpan.FromSeconds 30.
    }

    let settings: FileSettings = {
        Largest = configuration.KeptFiles.Largest
        Keep = configuration.KeptFiles.Keep
    }

    // A large file takes as long as it takes; what stands still is ended by the port itself.
    let source = WhatsAppMedia.create media (newClient Timeout.InfiniteTimeSpan)
    FileKeeping.create settings world source store records

/// Everything that commands run against. `world` has the time that all nodes share, `token` WhatsApp's token.
let services
    (world: World)
    (configuration: Configuration)
    (texts: Texts)
    (store: StorePort)
    (threads: Threads)
    (token: unit -> string)
    (files: FilesPort)
    : Interpreter.Services =
    let render =
        FormSpeech.render texts.Phrases (business configuration) (FlowSettings.ticketFlow configuration.Flow)

    let renderText = Phrases.renderText texts.Phrases (business configuration)

    {
        World = world
        // Each call has a limit of its own; an upload may take as long as it moves.
        WhatsApp =
            WhatsAppApi.create (whatsAppSettings token configuration) (newClient Timeout.InfiniteTimeSpan)
            |> Uploads.remembered world
        Assistant = assistant configuration texts
        StandIn = LocalAssistant.create texts.Knowledge
        // Each call has a limit of its own: one that brings a large file takes longer.
        Tickets = Odoo.create (odooSettings configuration) (newClient Timeout.InfiniteTimeSpan)
        Files = files
        ReadStream = store.ReadStream
        ReadThread = threads.Read
        Render = render
        RenderText = renderText
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
    configuration.Flow.Key
    |> Option.map (fun key -> {
        AppSecrets = configuration.WhatsApp.AppSecrets
        Key = key
        Phrases = texts.Phrases
        Standing = FormStandings.find store.ReadStream configuration.Language
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

let reception (configuration: Configuration) : Reception.ReceptionSettings = {
    Policy = configuration.Policy
    Language = configuration.Language
    Opening =
        match configuration.Hours with
        | Some hours -> BusinessHours.opening hours
        | None -> fun _ -> OpenNow
    HasForm = configuration.Flow.Form.IsSome
    MessagesAMinute = configuration.MessagesAMinute
}
