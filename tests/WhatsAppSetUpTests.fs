/// The calls that set numbers up.
module FunctionalBot.Tests.WhatsAppSetUpTests

open System
open System.Net.Http
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Effects

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
