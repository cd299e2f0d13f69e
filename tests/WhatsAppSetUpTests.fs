/// The calls that set numbers up, and what `bot doctor` makes of their answers.
module FunctionalBot.Tests.WhatsAppSetUpTests

open System
open System.Net.Http
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Web
open FunctionalBot.Web.Finding

let private never = CancellationToken.None

let private withGraph
    decide
    (play: ScriptedServer.Server -> WhatsAppSettings -> HttpClient -> Task<unit>)
    : Task =
    ScriptedServer.using decide (fun server -> task {
        use client = new HttpClient()

        let settings: WhatsAppSettings = {
            GraphUrl = Uri(server.Address, "/v25.0")
            Token = fun () -> "EAAB&secret"
            PhoneNumberId = "100"
            Timeout = TimeSpan.FromSeconds 20.
        }

        do! play server settings client
    })

let private okOf result =
    match result with
    | Ok value -> value
    | Error failure -> failwith $"%A{failure}"

let private refusal =
    """{"error":{"message":"(#100) Param","error_user_msg":"Die Nummer fehlt.","type":"OAuthException","code":100,"fbtrace_id":"A"}}"""

[<Fact>]
let ``the apps that get an account's webhooks are read, with a callback of their own`` () =
    let answer =
        """{"data":[{"whatsapp_business_api_data":{"id":"7","name":"Bot","link":"x"},"override_callback_uri":"https://bot.example.com/webhook"},{"whatsapp_business_api_data":{"id":"8"}},{"other":1}]}"""

    withGraph (fun _ -> ScriptedServer.json answer) (fun server settings client -> task {
        let! found = WhatsAppSetUp.subscribedApps settings client "900" never

        Assert.Equal<SubscribedApp list>(
            [
                {
                    Id = "7"
                    Name = Some "Bot"
                    Callback = Some "https://bot.example.com/webhook"
                }
                {
                    Id = "8"
                    Name = None
                    Callback = None
                }
            ],
            okOf found
        )

        let asked = Assert.Single(server.Asked())
        Assert.Equal(("GET", "/v25.0/900/subscribed_apps"), (asked.Method, asked.Path))
        Assert.Equal("Bearer EAAB&secret", asked.Headers["authorization"])
    })

[<Fact>]
let ``an app is subscribed, with a callback where one is named`` () =
    withGraph (fun _ -> ScriptedServer.json """{"success":true}""") (fun server settings client -> task {
        let! plain = WhatsAppSetUp.subscribe settings client "900" None never
        okOf plain
        let callback = Uri "https://bot.example.com/webhook"

        let! named =
            WhatsAppSetUp.subscribe settings client "900" (Some(callback, "verify")) never

        okOf named

        Assert.Equal<string list>(
            [
                "{}"
                """{"override_callback_uri":"https://bot.example.com/webhook","verify_token":"verify"}"""
            ],
            server.Asked() |> List.map _.Body
        )
    })

[<Fact>]
let ``a refusal brings Meta's own sentence, and what is no answer is told as such`` () =
    let answers =
        System.Collections.Generic.Queue [
            ScriptedServer.failure 400 refusal
            ScriptedServer.failure
                400
                """{"error":{"message":"(#100) Invalid parameter","code":100,"error_data":{"details":"The name is taken."}}}"""
            ScriptedServer.failure 502 "<html>"
            ScriptedServer.json "<html>"
            ScriptedServer.json """{"success":false}"""
            ScriptedServer.Cut
        ]

    withGraph (fun _ -> answers.Dequeue()) (fun _ settings client -> task {
        let subscribe () =
            WhatsAppSetUp.subscribe settings client "900" None never

        let! refused = subscribe ()
        Assert.Equal(Error(GraphRefused(100, "Die Nummer fehlt.")), refused)
        let! detailed = subscribe ()
        Assert.Equal(Error(GraphRefused(100, "The name is taken.")), detailed)

        for _ in 1..4 do
            match! subscribe () with
            | Error(GraphUnreachable _) -> ()
            | other -> failwith $"%A{other}"
    })

[<Fact>]
let ``a profile is read in both of its shapes, and only what is given is changed`` () =
    let flat =
        """{"data":[{"about":"Hola","email":"a@example.com","websites":["https://a.example.com"],"vertical":"RETAIL","messaging_product":"whatsapp"}]}"""

    let nested = """{"data":[{"business_profile":{"about":"Hola"}}]}"""

    let answers =
        System.Collections.Generic.Queue [
            ScriptedServer.json flat
            ScriptedServer.json nested
            ScriptedServer.json """{"success":true}"""
        ]

    withGraph (fun _ -> answers.Dequeue()) (fun server settings client -> task {
        let! first = WhatsAppSetUp.profile settings client never

        let expected = {
            About = Some "Hola"
            Address = None
            Description = None
            Email = Some "a@example.com"
            Websites = [ "https://a.example.com" ]
            Vertical = Some "RETAIL"
        }

        Assert.Equal(expected, okOf first)
        let! second = WhatsAppSetUp.profile settings client never
        Assert.Equal(Some "Hola", (okOf second).About)

        let change = {
            expected with
                About = Some "¡Buenas! 🌱"
                Email = None
                Vertical = None
        }

        let! changed = WhatsAppSetUp.changeProfile settings client change never
        okOf changed
        let asked = List.last (server.Asked())
        Assert.Equal("/v25.0/100/whatsapp_business_profile", asked.Path)
        use body = JsonDocument.Parse asked.Body

        Assert.Equal<string list>(
            [ "about"; "messaging_product"; "websites" ],
            [ for field in body.RootElement.EnumerateObject() -> field.Name ] |> List.sort
        )

        Assert.Equal("¡Buenas! 🌱", (body.RootElement.GetProperty "about").GetString())
    })

let private page (name: string) (next: string) =
    let paging =
        if next = "" then
            "{}"
        else
            $"""{{"cursors":{{"after":"%s{next}"}},"next":"https://graph.example.com/next"}}"""

    $"""{{"data":[{{"name":"%s{name}","language":"es","status":"APPROVED","category":"UTILITY","quality_score":{{"score":"GREEN"}},
        "components":[{{"type":"BODY","text":"Hola {{{{1}}}}, tu ticket {{{{2}}}} está listo, {{{{1}}}}."}},{{"type":"FOOTER","text":"x"}}]}}],"paging":%s{paging}}}"""

[<Fact>]
let ``templates are read page by page, with the places that a sender fills in`` () =
    let answers =
        System.Collections.Generic.Queue [
            ScriptedServer.json (page "first" "NEXT&1")
            ScriptedServer.json (page "second" "")
        ]

    withGraph (fun _ -> answers.Dequeue()) (fun server settings client -> task {
        let! found = WhatsAppTemplates.all settings client "900" None never

        let first = {
            Name = "first"
            Language = "es"
            Status = "APPROVED"
            Category = "UTILITY"
            Quality = Some "GREEN"
            Body = "Hola {{1}}, tu ticket {{2}} está listo, {{1}}."
            Parameters = [ "1"; "2" ]
            NeedsMore = false
        }

        Assert.Equal<MessageTemplate list>([ first; { first with Name = "second" } ], okOf found)
        Assert.Equal(2, (server.Asked()).Length)
    })

[<Theory>]
[<InlineData("""{"type":"HEADER","format":"IMAGE"}""", true)>]
[<InlineData("""{"type":"HEADER","format":"TEXT","text":"Hola {{1}}"}""", true)>]
[<InlineData("""{"type":"HEADER","format":"TEXT","text":"Hola"}""", false)>]
[<InlineData("""{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Sí"}]}""", false)>]
[<InlineData("""{"type":"BUTTONS","buttons":[{"type":"URL","url":"https://a.example.com/{{1}}"}]}""", true)>]
[<InlineData("""{"type":"BUTTONS","buttons":[{"type":"FLOW"}]}""", true)>]
[<InlineData("""{"type":"CAROUSEL"}""", true)>]
let ``a template that asks for more than texts in its body is told from the others``
    (part: string)
    (more: bool)
    =
    let answer =
        "{\"data\":[{\"name\":\"a\",\"language\":\"es\",\"components\":["
        + part
        + "]}]}"

    withGraph (fun _ -> ScriptedServer.json answer) (fun _ settings client -> task {
        let! found = WhatsAppTemplates.all settings client "900" (Some "a") never
        Assert.Equal(more, (Assert.Single(okOf found)).NeedsMore)
    })

[<Fact>]
let ``a template is sent as the contract says, to a number or to a user id`` () =
    let answer = """{"messages":[{"id":"wamid.7"}]}"""

    withGraph (fun _ -> ScriptedServer.json answer) (fun server settings client -> task {
        let template = {
            Name = "ready"
            Language = "es"
            Status = "APPROVED"
            Category = "UTILITY"
            Quality = None
            Body = ""
            Parameters = [ "1"; "2" ]
            NeedsMore = false
        }

        let phone: Recipient = {
            Phone = Some "34600111222"
            BusinessScopedId = None
        }

        let userId: Recipient = {
            Phone = None
            BusinessScopedId = Some "ES.1"
        }

        let! sent =
            WhatsAppTemplates.send settings client phone template [ "Ana"; "42" ] never

        Assert.Equal("wamid.7", okOf sent)

        let! _ =
            WhatsAppTemplates.send settings client userId { template with Parameters = [] } [] never

        let! _ =
            WhatsAppTemplates.send
                settings
                client
                userId
                {
                    template with
                        Parameters = [ "ticket" ]
                }
                [ "42" ]
                never

        match server.Asked() with
        | [ first; second; named ] ->
            Assert.Equal("/v25.0/100/messages", first.Path)

            match ContractSchema.whatsApp () with
            | Some contract ->
                Assert.Equal<string list>([], ContractSchema.problems contract "Message" first.Body)
            | None -> ()

            use body = JsonDocument.Parse first.Body
            let template = body.RootElement.GetProperty "template"

            Assert.Equal(
                """{"name":"ready","language":{"policy":"deterministic","code":"es"},"components":[{"type":"body","parameters":[{"type":"text","text":"Ana"},{"type":"text","text":"42"}]}]}""",
                template.GetRawText()
            )

            Assert.Contains("\"recipient\":\"ES.1\"", second.Body)
            Assert.DoesNotContain("components", second.Body)
            Assert.Contains("\"parameter_name\":\"ticket\",\"text\":\"42\"", named.Body)
        | other -> failwith $"%A{other}"
    })

let private now = DateTimeOffset(2026, 11, 2, 9, 0, 0, TimeSpan.Zero)

let private isWrong finding =
    match finding with
    | Wrong(problem, mend) -> problem <> "" && mend <> ""
    | Fine _ -> false

[<Theory>]
[<InlineData("GREEN", false)>]
[<InlineData("YELLOW", false)>]
[<InlineData("RED", true)>]
[<InlineData("UNKNOWN", false)>]
let ``a number of quality RED is wrong, and YELLOW is told`` (quality: string) (wrong: bool) =
    let finding = WhatsAppChecks.judgeQuality "the number" (Some quality)
    Assert.Equal(wrong, isWrong finding)
    Assert.Contains(quality, $"%A{finding}")

[<Fact>]
let ``a token is judged by its life, its permissions and Meta's word`` () =
    let facts: TokenFacts = {
        AppId = Some "7"
        IsValid = true
        ExpiresAt = None
        Scopes = [ "whatsapp_business_messaging" ]
    }

    let judge change =
        isWrong (WhatsAppChecks.judgeToken now (change facts))

    Assert.False(judge id)
    Assert.True(judge (fun facts -> { facts with IsValid = false }))
    Assert.True(judge (fun facts -> { facts with Scopes = [ "email" ] }))
    // Where Meta names no permission, nothing is known of them.
    Assert.False(judge (fun facts -> { facts with Scopes = [] }))

    for days, wrong in [ 6.99, true; 7.01, false; -1., true ] do
        Assert.Equal(
            (days, wrong),
            (days,
             judge (fun facts -> {
                 facts with
                     ExpiresAt = Some(now.AddDays days)
             }))
        )

[<Fact>]
let ``hours are told as they are now, with holidays that are all over`` () =
    let fitting result =
        match result with
        | Ok value -> value
        | Error problem -> failwith problem

    let judge week holidays =
        HoursCheck.judge now {
            Zone = fitting (BusinessHours.readZone "Europe/Madrid")
            Week = fitting (BusinessHours.readWeek week)
            Holidays = fitting (BusinessHours.readHolidays holidays)
        }

    // Monday the 2nd of November, 10:00 in Madrid.
    for week, holidays, told in
        [
            "mon 9:00-11:00", "", "there now (Europe/Madrid); no holidays"
            "mon 11:00-12:00",
            "2026-12-25 Navidad",
            "back at 2026-11-02 11:00 (Europe/Madrid); next holiday 2026-12-25 Navidad"
            "tue 9:00-11:00",
            "2025-12-25 Navidad",
            "back at 2026-11-03 09:00 (Europe/Madrid); all holidays are past"
            "mon 9:00-11:00",
            "2026-11-02",
            "back at 2026-11-09 09:00 (Europe/Madrid); next holiday 2026-11-02"
        ] do
        match judge week holidays with
        | Fine fact -> Assert.Contains(told, fact)
        | Wrong(problem, _) -> failwith problem

    Assert.True(isWrong (judge ";" ""))

[<Fact>]
let ``the webhooks of an account are this app's, another's, or nobody's`` () =
    let app id : SubscribedApp = {
        Id = id
        Name = None
        Callback = None
    }

    let judge mine found =
        isWrong (WhatsAppChecks.judgeSubscription mine found)

    Assert.True(judge (Some "7") [])
    Assert.True(judge None [])
    Assert.True(judge (Some "7") [ app "8" ])
    Assert.False(judge (Some "7") [ app "8"; app "7" ])
    Assert.False(judge None [ app "8" ])

[<Fact>]
let ``a late template is judged in each of its languages`` () =
    let wanted: LateTemplateSettings.LateTemplateConfiguration = {
        Name = "te_escribimos"
        Languages = [ "es"; "pt_BR" ]
    }

    let template code : MessageTemplate = {
        Name = "te_escribimos"
        Language = code
        Status = "APPROVED"
        Category = "UTILITY"
        Quality = None
        Body = "Escríbenos."
        Parameters = []
        NeedsMore = false
    }

    let judge found =
        WhatsAppChecks.judgeTemplate wanted found

    let both change = [ template "es"; change (template "pt_BR") ]
    Assert.False(isWrong (judge (both id)))
    // One that Meta finds by a part of its name is another.
    let other = {
        template "es" with
            Name = "te_escribimos_pronto"
    }

    for found, words in
        [
            [], "is not there in es"
            [ template "es" ], "is not there in pt_BR"
            [ other; template "pt_BR" ], "is not there in es"
            both (fun found -> { found with Status = "PENDING" }), "is PENDING in pt_BR"
            both (fun found -> { found with Parameters = [ "1" ] }), "places to fill in in pt_BR"
            both (fun found -> { found with NeedsMore = true }), "places to fill in in pt_BR"
        ] do
        match judge found with
        | Wrong(problem, mend) ->
            Assert.Contains(words, problem)
            Assert.Contains("BOT_LATE_TEMPLATE", mend)
        | Fine fact -> failwith fact

    match judge (both (fun found -> { found with Category = "MARKETING" })) with
    | Fine fact -> Assert.Contains("MARKETING", fact)
    | wrong -> failwith $"%A{wrong}"

[<Fact>]
let ``the doctor asks for each account's template once, and says where it cannot`` () =
    let graph (asked: ScriptedServer.Asked) =
        if asked.Path = "/v25.0/900/message_templates" then
            ScriptedServer.json
                """{"data":[{"name":"te_escribimos","language":"es","status":"APPROVED","category":"UTILITY","components":[{"type":"BODY","text":"Hola"}]}]}"""
        else
            ScriptedServer.failure 404 """{"error":{"code":100,"message":"no such path"}}"""

    ScriptedServer.using graph (fun server -> task {
        let number id account = {
            StopReachTests.number id account "WHATSAPP_TOKEN" with
                LateTemplate =
                    Some {
                        Name = "te_escribimos"
                        Languages = [ "es" ]
                    }
        }

        let configuration =
            match
                SettingTests.configured [ "WHATSAPP_GRAPH_URL", Uri(server.Address, "/v25.0").ToString() ]
            with
            | Error problems -> failwith $"%A{problems}"
            | Ok configuration -> {
                configuration with
                    Numbers = [
                        number "1" (Some "900")
                        number "2" (Some "900")
                        number "3" (Some "901")
                        number "4" None
                        StopReachTests.number "5" (Some "902") "WHATSAPP_TOKEN"
                    ]
              }

        let! checks = Task.WhenAll(WhatsAppChecks.all configuration)

        let found =
            checks
            |> List.ofArray
            |> List.filter _.Name.StartsWith("template")
            |> List.map (fun check ->
                check.Name,
                match check.Finding with
                | Fine fact -> "fine: " + fact
                | Wrong(problem, _) -> "wrong: " + problem)

        match found with
        | [ first, fine; second, wrong; third, unknown ] ->
            Assert.Equal("template 900 te_escribimos es", first)
            Assert.Equal("fine: te_escribimos is approved in es", fine)
            Assert.Equal("template 901 te_escribimos es", second)
            Assert.StartsWith("wrong: the account's templates cannot be asked", wrong)
            Assert.Equal("template of no account te_escribimos es", third)
            Assert.StartsWith("fine: not checked", unknown)
        | other -> failwith $"%A{other}"

        let asked =
            server.Asked()
            |> List.filter _.Path.EndsWith("message_templates")
            |> List.map _.Path

        Assert.Equal<string list>(
            [ "/v25.0/900/message_templates"; "/v25.0/901/message_templates" ],
            List.sort asked
        )
    })
