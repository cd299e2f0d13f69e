/// `bot whatsapp templates` and `send-template`: what goes to a customer, once and only to who agreed.
module FunctionalBot.Tests.TemplateVerbTests

open System
open System.Text.Json
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.WhatsAppVerbRuns

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
