/// `bot whatsapp subscribe` and `profile`, and what holds for each of these verbs.
module FunctionalBot.Tests.WhatsAppVerbTests

open System
open System.IO
open System.Threading.Tasks
open Xunit
open FunctionalBot.Tests.WhatsAppVerbRuns

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
