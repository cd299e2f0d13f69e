/// `bot whatsapp flow`: the form's key and its screens.
module FunctionalBot.Tests.FlowVerbTests

open System.IO
open System.Text.Json
open Xunit
open FunctionalBot.Tests.WhatsAppVerbRuns

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
