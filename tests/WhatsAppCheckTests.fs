/// What `bot doctor` makes of what Meta says of numbers, tokens, webhooks and templates.
module FunctionalBot.Tests.WhatsAppCheckTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Web
open FunctionalBot.Web.Finding

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
let ``a form must be the account's, and open to customers`` () =
    let flow id name status : KnownFlow = {
        Id = id
        Name = name
        Status = status
    }

    let found status = [ flow "1" "otro" "PUBLISHED"; flow "8123" "ticket" status ]

    let judge name mode status =
        WhatsAppChecks.judgeFlow { Name = name; Mode = mode } (found status)

    for name in [ FlowId "8123"; FlowNamed "ticket" ] do
        Assert.False(isWrong (judge name PublishedFlow "PUBLISHED"))
        Assert.False(isWrong (judge name DraftFlow "DRAFT"))

        for status in [ "DRAFT"; "DEPRECATED"; "BLOCKED"; "THROTTLED"; "UNKNOWN" ] do
            Assert.True(isWrong (judge name PublishedFlow status), status)

        Assert.True(isWrong (judge name DraftFlow "BLOCKED"))

    for name in [ FlowId "ticket"; FlowNamed "8123" ] do
        match judge name PublishedFlow "PUBLISHED" with
        | Wrong(problem, _) -> Assert.Contains("not among the account's", problem)
        | Fine fact -> failwith fact

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
