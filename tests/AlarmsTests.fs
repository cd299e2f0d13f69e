/// What operators are told of account, number and token.
module FunctionalBot.Tests.AlarmsTests

open System
open System.Collections.Generic
open System.Text
open System.Threading
open System.Threading.Tasks
open Serilog
open Serilog.Core
open Serilog.Events
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.Protected
open FunctionalBot.Web

/// Keeps the lines of a log.
type private Lines() =
    member val All = List<LogEventLevel * string>()

    interface ILogEventSink with
        member this.Emit line =
            this.All.Add((line.Level, line.RenderMessage()))

let private logInto (lines: Lines) : ILogger =
    LoggerConfiguration().WriteTo.Sink(lines).CreateLogger()

let private updatesOf (body: string) =
    match WhatsAppInbound.read (ReadOnlyMemory(Encoding.UTF8.GetBytes body)) with
    | Ok updates -> updates
    | Error problem -> failwith problem

let private noticeOf (fieldName: string) (value: string) =
    updatesOf
        $"""{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"%s{fieldName}","value":%s{value}}}]}}]}}"""
    |> List.exactlyOne

let private restriction =
    noticeOf
        "account_update"
        """{"event":"ACCOUNT_RESTRICTION","phone_number":"34600111222","restriction_info":[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":1790000000}]}"""

[<Fact>]
let ``notices of account, number, templates and security say what was told, and nothing personal`` () =
    let alarm fieldName value =
        let update = noticeOf fieldName value

        match update, Alarms.ofUpdate update with
        | NothingToDo(None, reason, _), Some notice ->
            Assert.Equal("told to operators: " + notice.Told, reason)
            notice.Service, notice.Weight, notice.Told
        | other -> failwithf "%A" other

    for fieldName, value, expected in
        [
            "account_update",
            """{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"SCHEDULE_FOR_DISABLE","waba_ban_date":"x y"}}""",
            ("whatsapp-account", Alarming, "account_update: DISABLED_UPDATE, SCHEDULE_FOR_DISABLE")
            "account_update",
            """{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}}""",
            ("whatsapp-account", GoodNews, "account_update: DISABLED_UPDATE, REINSTATE")
            "account_update",
            """{"event":"SOMETHING_NEW","phone_number":"34600111222"}""",
            ("whatsapp-account", Remarkable, "account_update: SOMETHING_NEW")
            "phone_number_quality_update",
            """{"display_phone_number":"34600111222","event":"FLAGGED","current_limit":"TIER_1K"}""",
            ("whatsapp-number", Alarming, "phone_number_quality_update: FLAGGED, TIER_1K")
            "account_alerts",
            """{"entity_id":1,"alert_info":{"alert_severity":"CRITICAL","alert_status":"ACTIVE","alert_type":"OBA_REJECTED","alert_description":"Llame al 600111222"}}""",
            ("whatsapp-account", Alarming, "account_alerts: CRITICAL, ACTIVE, OBA_REJECTED")
            "security",
            """{"event":"PIN_CHANGED","requester":"999"}""",
            ("whatsapp-security", Alarming, "security: PIN_CHANGED")
            "message_template_status_update",
            """{"event":"APPROVED","message_template_name":"x"}""",
            ("whatsapp-templates", GoodNews, "message_template_status_update: APPROVED")
            // A sentence or a number may be somebody's.
            "account_alerts",
            """{"alert_info":{"alert_severity":"CRITICAL","alert_type":"Llame al 600111222"}}""",
            ("whatsapp-account", Alarming, "account_alerts: CRITICAL")
            "phone_number_name_update",
            """{"decision":"APPROVED","rejection_reason":"34600111222"}""",
            ("whatsapp-number", GoodNews, "phone_number_name_update: APPROVED")
            "security", "null", ("whatsapp-security", Remarkable, "security: no word is known")
            "account_alerts", "[1]", ("whatsapp-account", Remarkable, "account_alerts: no word is known")
        ] do
        Assert.Equal((fieldName, expected), (fieldName, alarm fieldName value))

    match noticeOf "calls" "{}" with
    | NothingToDo(_, reason, _) as update ->
        Assert.Equal("a notice of another field: calls", reason)
        Assert.Equal(None, Alarms.ofUpdate update)
    | other -> failwithf "%A" other

[<Fact>]
let ``a notice is one line and a state that readyz shows, until the good news or a day later`` () =
    inSimulatedTime 1 (fun world -> task {
        let store = (storeIn world).Port
        let lines = Lines()
        let alarms = Alarms.create world store (logInto lines)
        let stored = List<ReceivedBody>()

        let door =
            Alarms.atDoor alarms {
                Store =
                    fun body ->
                        stored.Add body
                        Task.CompletedTask
                Run = fun _ -> Task.CompletedTask
            }

        let arrives updates =
            door.Store {
                Body = [||]
                At = world.Now()
                Trace = None
                Updates = Ok updates
            }

        let trouble () = task {
            let! states = store.ServiceStates()
            return Protection.describeTrouble (world.Now()) states
        }

        do! arrives [ restriction; restriction ]
        do! arrives [ restriction ]
        Assert.Equal(2, stored.Count)
        let level, line = Assert.Single lines.All
        Assert.Equal(LogEventLevel.Error, level)
        Assert.Contains("ACCOUNT_RESTRICTION, RESTRICTED_BIZ_INITIATED_MESSAGING", line)
        Assert.DoesNotContain("34600111222", line)
        let! shown = trouble ()
        let words = Assert.Single shown
        Assert.StartsWith("whatsapp-account is to be looked at since ", words)
        Assert.Contains("ACCOUNT_RESTRICTION", words)

        let reinstated =
            noticeOf
                "account_update"
                """{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}}"""

        do! arrives [ reinstated ]
        let! shown = trouble ()
        Assert.Empty shown

        do! world.Delay (TimeSpan.FromMinutes 11.) never
        do! arrives [ restriction ]
        Assert.Equal(3, lines.All.Count)
        do! world.Delay (TimeSpan.FromHours 25.) never
        let! shown = trouble ()
        Assert.Empty shown
    })

[<Fact>]
let ``a spam limit is told of a refusal too, an undeliverable message is not, and no outcome changes`` () =
    inSimulatedTime 2 (fun world -> task {
        let store = (storeIn world).Port
        let lines = Lines()

        let outcomes =
            Queue [
                Refused(131048, "spam")
                Refused(131026, "undeliverable")
                Accepted(MessageId "w")
            ]

        let whatsApp =
            whatsAppThat world (fun _ -> outcomes.Dequeue()) (fun () -> Refused(131048, "unused"))

        let port = Alarms.onRefusals (Alarms.create world store (logInto lines)) whatsApp
        let! spam = sendOne port (keyOf "Ana" 1L)
        let! lost = sendOne port (keyOf "Ana" 2L)
        let! taken = sendOne port (keyOf "Ana" 3L)

        Assert.Equal<SendOutcome list>(
            [
                Refused(131048, "spam")
                Refused(131026, "undeliverable")
                Accepted(MessageId "w")
            ],
            [ spam; lost; taken ]
        )

        let _, line = Assert.Single lines.All
        Assert.Contains("code 131048", line)
    })

[<Fact>]
let ``a state that cannot be kept, for whatever reason, costs the line in the log nothing and fails nothing``
    ()
    =
    inSimulatedTime 4 (fun world -> task {
        let lines = Lines()

        let store = {
            (storeIn world).Port with
                ReportService =
                    fun _ -> Task.FromException(InvalidOperationException "a fault of the program")
        }

        let refused = Refused(131048, "spam")
        let whatsApp = whatsAppThat world (fun _ -> refused) (fun () -> refused)
        let port = Alarms.onRefusals (Alarms.create world store (logInto lines)) whatsApp
        let! outcome = sendOne port (keyOf "Ana" 1L)
        Assert.Equal(refused, outcome)
        Assert.Contains("code 131048", lines.All |> Seq.map snd |> String.concat "\n")

        let away = {
            store with
                ServiceStates =
                    fun () ->
                        Task.FromException<ServiceState list>(
                            InvalidOperationException "a fault of the program"
                        )
        }

        // Nor does a token that is replaced: whoever looks after the file would look no more.
        do! Protection.tokenReplaced world (logInto lines) away
    })
