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
let ``a token in a file is read again, at most each second, and a file that is away changes nothing`` () =
    inSimulatedTime 3 (fun world -> task {
        let file = ref (Some "first")
        let reads = ref 0
        let troubles = List<string>()
        let replaced = List<DateTimeOffset>()

        let read _ =
            reads.Value <- reads.Value + 1
            file.Value

        let token = TokenFile.watch world read troubles.Add "/run/token" "first"
        use stop = new CancellationTokenSource()

        let tell () : Task =
            replaced.Add(world.Now())
            Task.CompletedTask

        let keeping = token.Keep tell stop.Token

        for _ in 1..100 do
            Assert.Equal("first", token.Read())

        Assert.Equal(0, reads.Value)
        file.Value <- None
        do! world.Delay (TimeSpan.FromSeconds 5.) never
        Assert.Equal("first", token.Read())
        Assert.Equal<string list>([ "/run/token" ], List.ofSeq troubles)
        Assert.Empty replaced
        file.Value <- Some "second"
        do! world.Delay (TimeSpan.FromSeconds 2.1) never
        Assert.Equal("second", token.Read())
        Assert.Single replaced |> ignore
        Assert.InRange(reads.Value, 5, 9)
        stop.Cancel()
        do! keeping
    })
