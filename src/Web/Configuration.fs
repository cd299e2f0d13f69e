/// Everything that can be set, with its defaults. `.env.example` explains each for whoever sets it.
module FunctionalBot.Web.Configuration

open System
open FunctionalBot.Domain
open FunctionalBot.Web.FileSettings
open FunctionalBot.Web.NumberSettings
open FunctionalBot.Web.ServiceSettings
open FunctionalBot.Effects
open FunctionalBot.Web.Setting
open FunctionalBot.Web.TelemetrySettings

/// The whole configuration of one process.
[<NoComparison>]
type Configuration = {
    /// Where the host listens, separated by ";".
    Urls: string
    Database: string
    WhatsApp: WhatsAppConfiguration
    Assistant: AssistantConfiguration
    Odoo: OdooConfiguration
    /// The business numbers, at least one, with all that is their own.
    Numbers: NumberConfiguration list
    /// Hosts that the assistant's answers may link to, beside those in the knowledge.
    AllowedHosts: string list
    Policy: Policy
    /// The folder that holds phrases/ and knowledge/.
    Data: string
    Logs: string
    LogLevel: string
    UnknownWait: TimeSpan
    Lease: TimeSpan
    /// How many commands of each service run at once.
    Messages: int
    Questions: int
    TicketCalls: int
    Files: int
    /// How many messages of one customer are taken in a minute. None for as many as come.
    MessagesAMinute: int option
    Limits: LimitConfiguration
    KeptFiles: FileConfiguration
    /// Where spans and metrics go; None where nowhere.
    Telemetry: TelemetryConfiguration option
    /// Opens what telephones ask at POST /flow; None where that door is not there.
    FlowKey: FlowKey option
}

let private policy (source: Source) : Reading<Policy> =
    build
        (fun quiet idle -> {
            Quiet = TimeSpan.FromMilliseconds(float quiet)
            Idle = TimeSpan.FromMinutes(value = idle)
        })
        (number
            source
            "BOT_QUIET_MS"
            1500
            (0, 60_000)
            "Milliseconds to wait for another message of a burst; 1500 is a good value.")
    |> apply (
        amount
            source
            "BOT_IDLE_MINUTES"
            30.
            (0.01, 1440.)
            "Minutes of silence after which a session is closed; 30 is a good value."
    )

/// Reads everything; on failure every problem there is. `data` is where the program finds its data folder.
let read (data: string) (source: Source) : Reading<Configuration> =
    let seconds name fallback bounds mend =
        number source name fallback bounds mend
        |> Result.map (float >> TimeSpan.FromSeconds)

    build
        (fun
            database
            whatsApp
            assistant
            odoo
            numbers
            hosts
            policy
            data
            logs
            level
            urls
            unknown
            lease
            messages
            questions
            tickets
            files
            messagesAMinute
            limits
            keptFiles
            telemetry
            flowKey -> {
            Urls = urls
            Database = database
            WhatsApp = whatsApp
            Assistant = assistant
            Odoo = odoo
            Numbers = numbers
            AllowedHosts = hosts
            Policy = policy
            Data = data
            Logs = logs
            LogLevel = level
            UnknownWait = unknown
            Lease = lease
            Messages = messages
            Questions = questions
            TicketCalls = tickets
            Files = files
            MessagesAMinute = messagesAMinute
            Limits = limits
            KeptFiles = keptFiles
            Telemetry = telemetry
            FlowKey = flowKey
        })
        (DatabaseSettings.read source)
    |> apply (whatsApp source)
    |> apply (assistant source)
    |> apply (odoo source)
    |> apply (NumbersFile.read data source)
    |> apply (hosts source "BOT_ALLOWED_HOSTS" "")
    |> apply (policy source)
    |> apply (withDefault source "BOT_DATA" data)
    |> apply (withDefault source "BOT_LOGS" "logs")
    |> apply (
        oneOf
            [ for level in [ "debug"; "information"; "warning"; "error" ] -> level, level ]
            source
            "BOT_LOG_LEVEL"
            "information"
            "information is a good value."
    )
    |> apply (withDefault source "BOT_URLS" "http://127.0.0.1:8080")
    |> apply (
        seconds
            "BOT_UNKNOWN_WAIT_SECONDS"
            60
            (1, 3600)
            "Seconds to wait for a status of a message of which nothing is known; 60 is a good value."
    )
    |> apply (
        seconds
            "BOT_LEASE_SECONDS"
            45
            (1, 600)
            "Seconds after which a silent worker's commands are taken over; 45 is a good value."
    )
    |> apply (number source "BOT_PARALLEL_MESSAGES" 32 (1, 500) "Messages that are sent at the same time.")
    |> apply (
        number
            source
            "BOT_PARALLEL_QUESTIONS"
            16
            (1, 200)
            "Questions that the assistant is asked at the same time."
    )
    |> apply (
        number
            source
            "BOT_PARALLEL_TICKETS"
            2
            (1, 50)
            "Calls to Odoo at the same time; Odoo Online asks for few."
    )
    |> apply (
        number source "BOT_PARALLEL_FILES" 2 (1, 50) "Files that are fetched from WhatsApp at the same time."
    )
    |> apply (
        number
            source
            "BOT_MESSAGES_A_MINUTE"
            40
            (0, 100_000)
            "Messages of one customer that are taken in a minute; 0 for as many as come."
        |> Result.map (fun most -> if most = 0 then None else Some most)
    )
    |> apply (limits source)
    |> apply (FileSettings.files source)
    |> apply (telemetry source)
    |> apply (FlowSettings.key source)
