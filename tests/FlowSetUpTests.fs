/// Setting the form up at Meta, against a server that answers as the Graph API does.
module FunctionalBot.Tests.FlowSetUpTests

open System
open System.IO
open System.Net.Http
open System.Security.Cryptography
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Effects
open FunctionalBot.Tests.ScriptedServer
open FunctionalBot.Web
open Xunit

let private settingsOf (server: Server) : WhatsAppSettings = {
    GraphUrl = Uri(server.Address, "v25.0")
    Token = fun () -> "a token of the tests"
    PhoneNumberId = "100200300"
    Timeout = TimeSpan.FromSeconds 20.
}

/// Runs a call against a server that answers so; what came of it, and what the server was asked.
let private calling (answer: Answer) call : Task<'result * Asked> = task {
    let seen = ref None

    do!
        using (fun _ -> answer) (fun server -> task {
            use client = new HttpClient()
            let! result = call (settingsOf server) client CancellationToken.None
            seen.Value <- Some(result, List.exactlyOne (server.Asked()))
        })

    return Option.get seen.Value
}

let private pem = "-----BEGIN PUBLIC KEY-----\nAB+/=\n-----END PUBLIC KEY-----\n"

[<Fact>]
let ``the public key goes to the number as a form`` () = task {
    let! result, asked =
        calling (json """{"success":true}""") (fun settings client token ->
            FlowSetUp.uploadKey settings client pem token)

    Assert.Equal(Ok(), result)
    Assert.Equal("POST", asked.Method)
    Assert.Equal("/v25.0/100200300/whatsapp_business_encryption", asked.Path)
    Assert.Equal("Bearer a token of the tests", asked.Headers["authorization"])
    Assert.StartsWith("application/x-www-form-urlencoded", asked.Headers["content-type"])
    Assert.Equal("business_public_key=" + Uri.EscapeDataString(pem).Replace("%20", "+"), asked.Body)
}

[<Fact>]
let ``the key that Meta has is told, in both of its shapes`` () = task {
    for answer in
        [
            """{"business_public_key":"PEM","business_public_key_signature_status":"VALID"}"""
            """{"data":[{"business_public_key":"PEM","business_public_key_signature_status":"VALID"}]}"""
        ] do
        let! result, asked =
            calling (json answer) (fun settings client token -> FlowSetUp.keyState settings client token)

        Assert.Equal(
            Ok {
                PublicPem = Some "PEM"
                Status = Some "VALID"
            },
            result
        )

        Assert.Equal("GET", asked.Method)
}

[<Fact>]
let ``an account's flows are read page by page`` () : Task =
    let answer (asked: Asked) =
        if asked.Query.Contains "after=c2" then
            json """{"data":[{"id":"3","name":"tres","status":"THROTTLED"},{"name":"of no id"}]}"""
        else
            json
                """{"data":[{"id":"1","name":"uno","status":"PUBLISHED"},{"id":"2"}],
                    "paging":{"cursors":{"after":"c2"},"next":"https://graph.facebook.com/next"}}"""

    using answer (fun server -> task {
        use client = new HttpClient()
        let! found = FlowSetUp.all (settingsOf server) client "900" CancellationToken.None

        let flow id name status : KnownFlow = {
            Id = id
            Name = name
            Status = status
        }

        Assert.Equal(
            Ok [
                flow "1" "uno" "PUBLISHED"
                flow "2" "" "UNKNOWN"
                flow "3" "tres" "THROTTLED"
            ],
            found
        )

        Assert.Equal<string list>(
            [ "/v25.0/900/flows"; "/v25.0/900/flows" ],
            server.Asked() |> List.map _.Path
        )
    })

[<Fact>]
let ``a flow is made, gets its screens and is published`` () = task {
    let! made, asked =
        calling (json """{"id":"8123"}""") (fun settings client token ->
            FlowSetUp.create settings client "900" "ticket" (Some(Uri "https://bot.example.com/flow")) token)

    Assert.Equal(Ok "8123", made)
    Assert.Equal("/v25.0/900/flows", asked.Path)
    Assert.Contains("categories=%5B%22CUSTOMER_SUPPORT%22%5D", asked.Body)
    Assert.Contains("endpoint_uri=https%3A%2F%2Fbot.example.com%2Fflow", asked.Body)

    let screens = File.ReadAllBytes(Repository.path "data/flows/ticket.json")

    let! uploaded, asked =
        calling (json """{"success":true,"validation_errors":[]}""") (fun settings client token ->
            FlowSetUp.upload settings client "8123" screens token)

    Assert.Equal(Ok [], uploaded)
    Assert.Equal("/v25.0/8123/assets", asked.Path)
    Assert.StartsWith("multipart/form-data", asked.Headers["content-type"])
    Assert.Contains("FLOW_JSON", asked.Body)
    Assert.Contains("\"routing_model\"", asked.Body)

    let! published, asked =
        calling (json """{"success":true}""") (fun settings client token ->
            FlowSetUp.publish settings client "8123" token)

    Assert.Equal(Ok(), published)
    Assert.Equal("/v25.0/8123/publish", asked.Path)
}

[<Fact>]
let ``what Meta finds wrong is told with its line`` () = task {
    let answer =
        """{"success":false,"validation_errors":[{"error":"INVALID_PROPERTY_VALUE","message":"Invalid value.","line_start":10},{"error":"X"}]}"""

    let! result, _ =
        calling (json answer) (fun settings client token ->
            FlowSetUp.upload settings client "8123" [||] token)

    Assert.Equal(Ok [ "line 10: Invalid value."; "X" ], result)
}

[<Fact>]
let ``refusals and broken answers are values`` () = task {
    let refusal =
        """{"error":{"code":139002,"message":"Publishing failed","error_user_msg":"Fix the flow first"}}"""

    let notMetas =
        Error(GraphUnreachable "the answer is not that of the Graph API; check WHATSAPP_GRAPH_URL")

    for answer, expected in
        [
            failure 400 refusal, Error(GraphRefused(139002, "Fix the flow first"))
            failure 400 """{"error":{"code":-9223372036854775808,"message":"x"}}""",
            Error(GraphUnreachable "127.0.0.1 answered 400")
            failure 500 "oops", Error(GraphUnreachable "127.0.0.1 answered 500")
            json "[]", notMetas
            json """{"success":false}""", notMetas
        ] do
        let! result, _ =
            calling answer (fun settings client token -> FlowSetUp.publish settings client "8123" token)

        Assert.Equal(expected, result)

    match! calling Cut (fun settings client token -> FlowSetUp.publish settings client "8123" token) with
    | Error(GraphUnreachable _), _ -> ()
    | other, _ -> failwith $"%A{other}"
}

// -- Settings
// -------------------------------------------------------------------------------------------------

let private sourceOf (values: (string * string) list) =
    Setting.source
        (fun name ->
            match List.tryFind (fun (known, _) -> known = name) values with
            | Some(_, value) -> value
            | None -> null)
        None

let private flow values = FlowSettings.flow (sourceOf values)
let private key values = FlowSettings.key (sourceOf values)

let private namesOf outcome =
    match outcome with
    | Ok _ -> []
    | Error problems -> [ for problem: Setting.Problem in problems -> problem.Name ]

[<Fact>]
let ``a form is set up by id or by name, with or without a key`` () =
    use rsa = RSA.Create 2048

    let set name mode : Setting.Reading<FlowSettings.FlowConfiguration option> =
        Ok(Some { Name = name; Mode = mode })

    Assert.Equal(Ok None, flow [])
    Assert.Equal(set (FlowId "8123") PublishedFlow, flow [ "FLOW_ID", "8123" ])

    Assert.Equal(set (FlowNamed "ticket") DraftFlow, flow [ "FLOW_NAME", "ticket"; "FLOW_MODE", "draft" ])

    match key [], key [ "FLOW_PRIVATE_KEY", rsa.ExportPkcs8PrivateKeyPem() ] with
    | Ok None, Ok(Some key) -> Assert.Equal(rsa.ExportSubjectPublicKeyInfoPem(), FlowKey.publicPem key)
    | other -> failwith $"%A{other}"

[<Fact>]
let ``what is wrong with the form's settings is told, without the key`` () =
    Assert.Equal<string list>([ "FLOW_NAME" ], namesOf (flow [ "FLOW_ID", "1"; "FLOW_NAME", "x" ]))
    Assert.Equal<string list>([ "FLOW_ID" ], namesOf (flow [ "FLOW_ID", "ticket" ]))

    Assert.Equal<string list>([ "FLOW_MODE" ], namesOf (flow [ "FLOW_MODE", "live" ]))

    Assert.Equal<string list>(
        [ "FLOW_PRIVATE_KEY_FILE" ],
        namesOf (key [ "FLOW_PRIVATE_KEY_FILE", "/nowhere/key.pem" ])
    )

    match key [ "FLOW_PRIVATE_KEY", "abracadabra" ] with
    | Error [ problem ] ->
        Assert.Equal("FLOW_PRIVATE_KEY_FILE", problem.Name)
        Assert.DoesNotContain("abracadabra", problem.Wrong + problem.Mend)
    | other -> failwith $"%A{other}"
