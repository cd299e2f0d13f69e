/// `bot whatsapp …` as the built program runs it, against a scripted Graph API.
module FunctionalBot.Tests.WhatsAppVerbTests

open System
open System.IO
open System.Text.Json
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture

/// All that the verbs read.
let private settings (server: ScriptedServer.Server) = [
    "WHATSAPP_GRAPH_URL", Uri(server.Address, "/v25.0").ToString()
    "WHATSAPP_TOKEN", "EAAB-very-secret"
    "WHATSAPP_VERIFY_TOKEN", "the-verify-token"
    "WHATSAPP_PHONE_NUMBER_ID", "100"
    "WHATSAPP_BUSINESS_ACCOUNT_ID", "900"
    "BOT_BUSINESS_NAME", "Ferretería"
    "BOT_BUSINESS_CONTACT", "x"
]

let private template =
    """{"name":"ready","language":"es","status":"APPROVED","category":"UTILITY","components":[{"type":"BODY","text":"Hola {{1}}, listo {{2}}."}]}"""

/// An account with these apps and these templates, where everything else succeeds.
let private graph (apps: string) (templates: string) (asked: ScriptedServer.Asked) =
    match asked.Method, asked.Path with
    | "GET", "/v25.0/debug_token" ->
        ScriptedServer.json """{"data":{"app_id":"7","is_valid":true,"expires_at":0}}"""
    | "GET", "/v25.0/900/subscribed_apps" -> ScriptedServer.json $"""{{"data":[%s{apps}]}}"""
    | "GET", "/v25.0/900/message_templates" -> ScriptedServer.json $"""{{"data":[%s{templates}]}}"""
    | "GET", "/v25.0/100/whatsapp_business_profile" ->
        ScriptedServer.json """{"data":[{"about":"Hola","websites":["https://a.example.com"]}]}"""
    | "POST", ("/v25.0/100/messages" | "/v25.0/1/messages") ->
        ScriptedServer.json """{"messages":[{"id":"wamid.7"}]}"""
    | "POST", ("/v25.0/900/subscribed_apps" | "/v25.0/100/whatsapp_business_profile") ->
        ScriptedServer.json """{"success":true}"""
    | _ -> ScriptedServer.failure 404 """{"error":{"code":100,"message":"no such path"}}"""

/// Runs `bot whatsapp` with these words; no secret may be in what it says.
let private whatsapp more server words = task {
    let! run = BotRuns.bot (settings server @ more) ("whatsapp" :: words)

    for secret in [ "very-secret"; "the-verify-token" ] do
        Assert.DoesNotContain(secret, run.Results + run.Talk)

    return run
}

let private posts (server: ScriptedServer.Server) =
    server.Asked() |> List.filter (fun asked -> asked.Method = "POST")

let private field (name: string) (run: BotRuns.Run) =
    use document = JsonDocument.Parse run.Results
    string (document.RootElement.GetProperty name)

let private ours = """{"whatsapp_business_api_data":{"id":"7","name":"Bot"}}"""

let private others =
    """{"whatsapp_business_api_data":{"id":"8","name":"Another"}}"""

[<Fact>]
let ``subscribe asks for a yes, tells what it would do, and does it`` () =
    ScriptedServer.using (graph others template) (fun server -> task {
        let! unasked = whatsapp [] server [ "subscribe" ]
        Assert.Equal(6, unasked.Code)
        Assert.Contains("--yes", unasked.Talk)
        let! rehearsal = whatsapp [] server [ "subscribe"; "--dry-run"; "--json" ]
        Assert.Equal((0, "would-change"), (rehearsal.Code, field "outcome" rehearsal))
        Assert.Empty(posts server)
        let! done' = whatsapp [] server [ "subscribe"; "--yes"; "--json" ]
        Assert.Equal((0, "changed"), (done'.Code, field "outcome" done'))
        Assert.Equal("{}", (Assert.Single(posts server)).Body)

        let! called =
            whatsapp [] server [ "subscribe"; "--callback"; "https://bot.example.com/webhook"; "--yes" ]

        Assert.Equal(0, called.Code)
        Assert.Contains("\"verify_token\":\"the-verify-token\"", (List.last (posts server)).Body)

        for wrong in
            [
                "http://bot.example.com/webhook"
                "webhook"
                "https://x.example.com/" + String('a', 200)
            ] do
            let! refused = whatsapp [] server [ "subscribe"; "--callback"; wrong; "--yes" ]
            Assert.Equal(2, refused.Code)
    })

[<Fact>]
let ``subscribe does nothing where it is done already`` () =
    ScriptedServer.using (graph ours template) (fun server -> task {
        let! again = whatsapp [] server [ "subscribe"; "--yes"; "--json" ]
        Assert.Equal((0, "unchanged"), (again.Code, field "outcome" again))
        Assert.Empty(posts server)
    })

[<Fact>]
let ``the profile is shown, and changed with a yes within Meta's limits`` () =
    ScriptedServer.using (graph ours template) (fun server -> task {
        let! shown = whatsapp [] server [ "profile" ]
        Assert.Equal(0, shown.Code)
        Assert.Contains("https://a.example.com", shown.Results)
        let! json = whatsapp [] server [ "profile"; "--json" ]
        Assert.Equal("Hola", field "about" json)

        for wrong in
            [
                [ "--about"; String('a', 140) ]
                [ "--description"; String('a', 257) ]
                [ "--website"; "example.com" ]
                [
                    "--website"
                    "https://a.b"
                    "--website"
                    "https://c.d"
                    "--website"
                    "https://e.f"
                ]
            ] do
            let! refused = whatsapp [] server ("profile" :: "--yes" :: wrong)
            Assert.Equal(2, refused.Code)

        let! unasked = whatsapp [] server [ "profile"; "--about"; "¡Buenas!" ]
        Assert.Equal(6, unasked.Code)
        let! rehearsal = whatsapp [] server [ "profile"; "--about"; "¡Buenas!"; "--dry-run" ]
        Assert.Equal(0, rehearsal.Code)
        Assert.Empty(posts server)

        let! changed =
            whatsapp [] server [ "profile"; "--about"; String('a', 139); "--vertical"; "retail"; "--yes" ]

        Assert.Equal(0, changed.Code)
        let body = (Assert.Single(posts server)).Body
        Assert.Contains("\"vertical\":\"RETAIL\"", body)
        Assert.DoesNotContain("websites", body)
    })

[<Fact>]
let ``templates are listed`` () =
    ScriptedServer.using (graph ours template) (fun server -> task {
        let! shown = whatsapp [] server [ "templates" ]
        Assert.Equal(0, shown.Code)
        Assert.Contains("APPROVED", shown.Results)
        let! json = whatsapp [] server [ "templates"; "--json" ]
        use document = JsonDocument.Parse json.Results
        let found = (document.RootElement.GetProperty "templates")[0]
        Assert.Equal("ready", (found.GetProperty "name").GetString())
        Assert.Equal(2, (found.GetProperty "parameters").GetArrayLength())
    })

let private sending more =
    [ "send-template"; "ready"; "--language"; "es"; "--to"; "+34 600 111 222" ]
    @ more

let private texts = [ "--parameter"; "Ana"; "--parameter"; "el 42" ]

[<Fact>]
let ``a template goes to a customer who agreed, once, with the texts for its places`` () =
    ScriptedServer.using (graph ours template) (fun server -> task {
        let! unasked = whatsapp [] server (sending texts)
        Assert.Equal(6, unasked.Code)
        Assert.Contains("agreed", unasked.Talk)
        let! rehearsal = whatsapp [] server (sending (texts @ [ "--dry-run" ]))
        Assert.Equal(0, rehearsal.Code)
        Assert.Empty(posts server)
        let! sent = whatsapp [] server (sending (texts @ [ "--yes"; "--json" ]))
        Assert.Equal((0, "wamid.7"), (sent.Code, field "message" sent))
        let body = (Assert.Single(posts server)).Body
        Assert.Contains("\"to\":\"+34600111222\"", body)
        Assert.Contains("el 42", body)
        Assert.DoesNotContain("600111222", sent.Results + sent.Talk)
    })

[<Fact>]
let ``no template goes to a customer who opted out at that number, where the database is known`` () : Task =
    task {
        use! bench = StoreFixture.startBench ()

        let fact =
            TextReceived {
                Message = MessageId "w1"
                Text = "baja"
                Quoted = None
            }

        let ana: Person = {
            BusinessScopedId = Some "ES.1"
            Phone = Some "34600111222"
            Name = None
        }

        do!
            bench.Store.Deliver [
                StoreFixture.bodyOf bench.Now [
                    CustomerDid(StoreFixture.channel, ana, "w1", bench.Now, fact)
                ]
            ]

        let! changed =
            (OperationScenes.operationsOf bench).ChangeContact
                OperationScenes.request
                (ByContactId "34600111222")
                OptOut

        OperationScenes.expectChanged changed
        let database = [ "DATABASE_URL", bench.Database.ConnectionString ]
        // The number of the channel of these tests.
        let number id = [ "WHATSAPP_PHONE_NUMBER_ID", id ]

        do!
            ScriptedServer.using (graph ours template) (fun server -> task {
                let to' customer more =
                    [ "send-template"; "ready"; "--language"; "es"; "--to"; customer ]
                    @ texts
                    @ more

                for customer in [ "+34 600 111 222"; "ES.1" ] do
                    for more in [ [ "--yes" ]; [ "--dry-run" ] ] do
                        let! refused = whatsapp (database @ number "1") server (to' customer more)
                        Assert.Equal(6, refused.Code)
                        Assert.Contains("opted out", refused.Talk)
                        Assert.DoesNotContain("600111222", refused.Results + refused.Talk)

                let! away =
                    whatsapp
                        ([ "DATABASE_URL", "postgres://bot:hush@127.0.0.1:1/bot" ] @ number "1")
                        server
                        (to' "ES.1" [ "--yes" ])

                Assert.Equal(4, away.Code)
                Assert.DoesNotContain("hush", away.Talk)
                Assert.Empty(posts server)
                // Somebody else, and the same customer at another number.
                let! other = whatsapp (database @ number "1") server (to' "+34600333444" [ "--yes" ])

                Assert.Equal(0, other.Code)
                let! elsewhere = whatsapp database server (to' "ES.1" [ "--yes" ])
                Assert.Equal(0, elsewhere.Code)
                Assert.Equal(2, (posts server).Length)
            })
    }

[<Fact>]
let ``where Meta leaves open whether a template went, that is told`` () =
    let unclear (asked: ScriptedServer.Asked) =
        if asked.Method = "POST" then
            ScriptedServer.failure 500 """{"error":{"code":131000,"message":"Something went wrong"}}"""
        else
            graph ours template asked

    ScriptedServer.using unclear (fun server -> task {
        let! run = whatsapp [] server (sending (texts @ [ "--yes" ]))
        Assert.Equal(4, run.Code)
        Assert.Contains("not known whether the template was sent", run.Talk)
    })

[<Fact>]
let ``a template that cannot be sent so is told ahead of the call, with its exit code`` () =
    let paused = template.Replace("APPROVED", "PAUSED").Replace("ready", "paused")

    let pictured =
        """{"name":"pictured","language":"es","status":"APPROVED","components":[{"type":"HEADER","format":"IMAGE"}]}"""

    ScriptedServer.using (graph ours (String.Join(",", [ template; paused; pictured ]))) (fun server -> task {
        let naming name language more =
            [
                "send-template"
                name
                "--language"
                language
                "--to"
                "+34600111222"
                "--yes"
            ]
            @ more

        for words, code, told in
            [
                naming "missing" "es" [], 5, "no template"
                naming "ready" "pt" [], 5, "other languages"
                naming "ready" "es" [ "--parameter"; "Ana" ], 2, "2 places"
                naming "ready" "es" [ "--parameter"; "Ana"; "--parameter"; " " ], 2, "blank"
                naming "paused" "es" texts, 6, "PAUSED"
                naming "pictured" "es" [], 6, "more than texts"
                [ "send-template"; "ready"; "--language"; "es"; "--to"; "Ana"; "--yes" ], 2, "--to"
            ] do
            let! run = whatsapp [] server words
            Assert.Equal((told, code), (told, run.Code))
            Assert.Contains(told, run.Talk)

        Assert.Empty(posts server)
    })

[<Fact>]
let ``what Meta refuses, an unknown number, a missing account and a silent Meta have exit codes of their own``
    ()
    =
    let refusing (asked: ScriptedServer.Asked) =
        if asked.Path.EndsWith "subscribed_apps" then
            ScriptedServer.failure 403 """{"error":{"code":200,"message":"Permissions error"}}"""
        else
            graph ours template asked

    ScriptedServer.using refusing (fun server -> task {
        let! refused = whatsapp [] server [ "subscribe"; "--yes" ]
        Assert.Equal(6, refused.Code)
        Assert.Contains("whatsapp_business_management", refused.Talk)
        let! unknown = whatsapp [] server [ "templates"; "--number"; "555" ]
        Assert.Equal(5, unknown.Code)

        let! unaccounted =
            BotRuns.bot
                (settings server
                 |> List.filter (fun (name, _) -> name <> "WHATSAPP_BUSINESS_ACCOUNT_ID"))
                [ "whatsapp"; "templates" ]

        Assert.Equal(3, unaccounted.Code)
        Assert.Contains("WHATSAPP_BUSINESS_ACCOUNT_ID", unaccounted.Talk)

        let! away =
            whatsapp [ "WHATSAPP_GRAPH_URL", "http://127.0.0.1:1/v25.0" ] server [ "templates" ]

        Assert.Equal(4, away.Code)
        let! unset = BotRuns.bot [] [ "whatsapp"; "templates" ]
        Assert.Equal(3, unset.Code)
        // As for every family of verbs.
        let! wordless = BotRuns.bot [] [ "whatsapp" ]
        Assert.Equal((2, ""), (wordless.Code, wordless.Results))
    })

[<Fact>]
let ``what Meta refuses is told with how to mend it, and without the token that Meta repeats`` () =
    let refusing code told (_: ScriptedServer.Asked) =
        ScriptedServer.failure 400 $"""{{"error":{{"code":%d{code},"message":"%s{told}"}}}}"""

    let toldOf code told = task {
        let seen = ref ""

        do!
            ScriptedServer.using (refusing code told) (fun server -> task {
                let! run = whatsapp [ "WHATSAPP_TOKEN", "EAABinvented123" ] server [ "templates" ]

                Assert.Equal(6, run.Code)
                seen.Value <- run.Talk
            })

        return seen.Value
    }

    task {
        let! dead = toldOf 190 "Malformed access token EAABinvented123"
        Assert.Contains("(code 190)", dead)
        Assert.Contains("fix: Put a token that is valid into WHATSAPP_TOKEN", dead)
        Assert.DoesNotContain("EAABinvented123", dead)
        let! right = toldOf 200 "Permissions error"
        Assert.Contains("whatsapp_business_management", right)

        let! nothing =
            toldOf 100 "Unsupported get request. Object with ID '900' does not exist"

        Assert.Contains("fix: Check the id that it names", nothing)
        let! other = toldOf 100 "Invalid parameter"
        Assert.DoesNotContain("fix:", other)
    }
    :> Task

[<Fact>]
let ``a template of which nobody knows whether it was sent is told so, whichever way the answer stayed away``
    ()
    =
    let losing answer (asked: ScriptedServer.Asked) =
        if asked.Path.EndsWith "/messages" then
            answer
        else
            graph ours template asked

    task {
        for answer in
            [
                ScriptedServer.Cut
                ScriptedServer.failure 502 "<html>"
                ScriptedServer.failure 500 """{"error":{"code":131000,"message":"Something went wrong"}}"""
            ] do
            do!
                ScriptedServer.using (losing answer) (fun server -> task {
                    let! run = whatsapp [] server (sending (texts @ [ "--yes" ]))
                    Assert.Equal(4, run.Code)
                    Assert.Contains("It is not known whether the template was sent", run.Talk)
                })

        let refused =
            ScriptedServer.failure 400 """{"error":{"code":131026,"message":"Message undeliverable"}}"""

        do!
            ScriptedServer.using (losing refused) (fun server -> task {
                let! run = whatsapp [] server (sending (texts @ [ "--yes" ]))
                Assert.Equal(6, run.Code)
                Assert.DoesNotContain("not known", run.Talk)
            })
    }
    :> Task

[<Fact>]
let ``of several numbers one is named`` () =
    let folder = Directory.CreateTempSubdirectory "functionalbot-verbs-"
    let file = Path.Combine(folder.FullName, "numbers.json")
    File.WriteAllText(file, """[{"id": "200", "name": "Jardín"}]""")

    ScriptedServer.using (graph ours template) (fun server -> task {
        try
            let! several = whatsapp [ "BOT_NUMBERS", file ] server [ "profile" ]
            Assert.Equal(2, several.Code)
            Assert.Contains("200  Jardín", several.Talk)
            let! named = whatsapp [ "BOT_NUMBERS", file ] server [ "profile"; "--number"; "100" ]
            Assert.Equal(0, named.Code)
        finally
            folder.Delete true
    })

/// A number whose key, flows and screens can be set.
let private flows (known: string) (asked: ScriptedServer.Asked) =
    match asked.Method, asked.Path with
    | "GET", "/v25.0/100/whatsapp_business_encryption" -> ScriptedServer.json known
    | "POST", "/v25.0/900/flows" -> ScriptedServer.json """{"id":"8123"}"""
    | "POST", "/v25.0/8123/assets" -> ScriptedServer.json """{"success":true,"validation_errors":[]}"""
    | "POST", "/v25.0/8124/assets" ->
        ScriptedServer.json
            """{"success":true,"validation_errors":[{"message":"unknown component","line_start":7}]}"""
    | "POST", ("/v25.0/8123" | "/v25.0/8123/publish" | "/v25.0/100/whatsapp_business_encryption") ->
        ScriptedServer.json """{"success":true}"""
    | _ -> ScriptedServer.failure 404 """{"error":{"code":100,"message":"no such path"}}"""

[<Fact>]
let ``the form's key goes to Meta once, and its private half stays here`` () = task {
    use rsa = System.Security.Cryptography.RSA.Create 2048
    let path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName())
    File.WriteAllText(path, rsa.ExportPkcs8PrivateKeyPem())
    let more = [ "FLOW_PRIVATE_KEY_FILE", path ]
    let known = ref "{}"

    try
        do!
            ScriptedServer.using (fun asked -> flows known.Value asked) (fun server -> task {
                let! rehearsed = whatsapp more server [ "flow"; "key"; "--dry-run"; "--json" ]
                Assert.Equal((0, "would-change"), (rehearsed.Code, field "outcome" rehearsed))
                Assert.Empty(posts server)
                let! given = whatsapp more server [ "flow"; "key"; "--yes"; "--json" ]
                Assert.Equal((0, "changed"), (given.Code, field "outcome" given))
                let body = (List.exactlyOne (posts server)).Body
                Assert.Contains("PUBLIC+KEY", body)
                Assert.DoesNotContain("PRIVATE", body)

                known.Value <-
                    JsonSerializer.Serialize {|
                        business_public_key = rsa.ExportSubjectPublicKeyInfoPem()
                        business_public_key_signature_status = "VALID"
                    |}

                let! again = whatsapp more server [ "flow"; "key"; "--yes"; "--json" ]
                Assert.Equal((0, "unchanged"), (again.Code, field "outcome" again))
                Assert.Single(posts server) |> ignore
                let! keyless = whatsapp [] server [ "flow"; "key"; "--yes" ]
                Assert.Equal(3, keyless.Code)
            })
    finally
        File.Delete path
}

[<Fact>]
let ``the form's screens become a draft and are published, and faults in them are told`` () =
    ScriptedServer.using (flows "{}") (fun server -> task {
        let! unasked = whatsapp [] server [ "flow"; "upload" ]
        Assert.Equal(6, unasked.Code)
        Assert.Empty(posts server)
        let! made = whatsapp [] server [ "flow"; "upload"; "--yes"; "--json" ]
        Assert.Equal((0, "8123"), (made.Code, field "flow" made))

        Assert.Equal<string list>(
            [ "/v25.0/900/flows"; "/v25.0/8123/assets" ],
            posts server |> List.map _.Path
        )

        let! faulty = whatsapp [] server [ "flow"; "upload"; "--flow"; "8124"; "--yes" ]
        Assert.Equal(6, faulty.Code)
        Assert.Contains("line 7: unknown component", faulty.Results + faulty.Talk)
        let! published = whatsapp [] server [ "flow"; "publish"; "8123"; "--yes"; "--json" ]
        Assert.Equal((0, "changed"), (published.Code, field "outcome" published))

        let! wrong =
            whatsapp [] server [ "flow"; "upload"; "--endpoint"; "http://a.example.com" ]

        Assert.Equal(2, wrong.Code)
    })

[<Fact>]
let ``a draft that was made and got no screens is named, so that the next try goes on with it`` () =
    let breaking (asked: ScriptedServer.Asked) =
        if asked.Path.EndsWith "/assets" then
            ScriptedServer.failure 502 "<html>"
        else
            flows "{}" asked

    ScriptedServer.using breaking (fun server -> task {
        let! run = whatsapp [] server [ "flow"; "upload"; "--yes" ]
        Assert.Equal(7, run.Code)
        Assert.Contains("--flow 8123", run.Talk)
    })

[<Fact>]
let ``screens that ask an endpoint are given with it, also to a draft that is there, and only with a key``
    ()
    = task {
    use rsa = System.Security.Cryptography.RSA.Create 2048
    let path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName())
    File.WriteAllText(path, rsa.ExportPkcs8PrivateKeyPem())

    let upload more =
        [ "flow"; "upload"; "--endpoint"; "https://bot.example.com/flow"; "--yes" ]
        @ more

    try
        do!
            ScriptedServer.using (flows "{}") (fun server -> task {
                let! keyless = whatsapp [] server (upload [])
                Assert.Equal(3, keyless.Code)
                Assert.Contains("FLOW_PRIVATE_KEY_FILE", keyless.Talk)
                Assert.Empty(posts server)

                let! known =
                    whatsapp [ "FLOW_PRIVATE_KEY_FILE", path ] server (upload [ "--flow"; "8123" ])

                Assert.Equal(0, known.Code)

                match posts server with
                | [ placed; filled ] ->
                    Assert.Equal("/v25.0/8123", placed.Path)
                    Assert.Contains("endpoint_uri=https%3A%2F%2Fbot.example.com%2Fflow", placed.Body)
                    Assert.Equal("/v25.0/8123/assets", filled.Path)
                    Assert.Contains("data_api_version", filled.Body)
                | other -> failwith $"%A{other}"
            })
    finally
        File.Delete path
}
