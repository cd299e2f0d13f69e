/// The form's endpoint through its door: signed, encrypted, posted, answered.
module FunctionalBot.Tests.FlowDoorTests

open System
open System.Collections.Concurrent
open System.IO
open System.Security.Cryptography
open System.Text
open System.Text.Json.Nodes
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Web
open FunctionalBot.Tests.FlowTelephone
open Xunit

let private secret = "a secret of the tests"

let private book =
    lazy
        (match Phrases.load (Repository.path "data/phrases") with
         | Ok book -> book
         | Error problems -> failwith (String.Join("\n", problems)))

/// What the door told operators.
let private told = ConcurrentQueue<string>()

let private settings: FlowDoor.FlowDoorSettings = {
    AppSecrets = [ "the secret before"; secret ]
    Key = keyOf pair.Value
    Phrases = fun _ -> book.Value
    Standing =
        fun token ->
            Task.FromResult(
                match token with
                | "open" -> FormCounts English
                | _ -> FormIsOver English
            )
    Tell = told.Enqueue
}

let private sign (body: byte[]) =
    WhatsAppSignature.sign (Encoding.UTF8.GetBytes secret) (ReadOnlyMemory body)

/// Posts a body under this header; the status and the text of the answer.
let private postSigned (header: string) (body: byte[]) : int * string =
    let context = DefaultHttpContext()
    context.Request.Method <- "POST"
    context.Request.Body <- new MemoryStream(body)
    context.Request.ContentLength <- int64 body.Length
    use answer = new MemoryStream()
    context.Response.Body <- answer

    if header <> "" then
        context.Request.Headers["X-Hub-Signature-256"] <- header

    (FlowDoor.receive settings context).GetAwaiter().GetResult()
    context.Response.StatusCode, Encoding.UTF8.GetString(answer.ToArray())

let private post (body: string) =
    let bytes = Encoding.UTF8.GetBytes body
    postSigned (sign bytes) bytes

/// Asks as a telephone does; the status and the decrypted answer.
let private asking (json: string) : int * JsonNode =
    let body, exchange = ask pair.Value json
    let status, answer = post body
    status, readAnswer exchange answer

let private at (path: string list) (node: JsonNode) : string =
    (node, path)
    ||> List.fold (fun node name -> nonNull node[name])
    |> fun found -> found.ToJsonString()

[<Fact>]
let ``a check is answered`` () =
    let status, answer = asking """{"version":"3.0","action":"ping"}"""
    Assert.Equal(200, status)
    Assert.Equal("\"active\"", at [ "data"; "status" ] answer)

[<Fact>]
let ``the form opens, is checked and lets its photos be added`` () =
    let status, opened =
        asking """{"version":"3.0","action":"INIT","flow_token":"open"}"""

    Assert.Equal(200, status)
    Assert.Equal("\"TICKET\"", at [ "screen" ] opened)
    Assert.Equal("\"Title\"", at [ "data"; "title_label" ] opened)

    let fill title =
        asking (
            """{"version":"3.0","action":"data_exchange","screen":"TICKET","flow_token":"open","data":{"title":"TITLE",
                "description":"It drips","email":"ana@example.com"}}"""
                .Replace("TITLE", title)
        )

    let status, wrong = fill ""
    Assert.Equal(200, status)
    Assert.Equal("false", at [ "data"; "checked" ] wrong)
    Assert.Equal("\"This is missing\"", at [ "data"; "title_error" ] wrong)

    let status, right = fill "The washing machine"
    Assert.Equal(200, status)
    Assert.Equal("true", at [ "data"; "checked" ] right)
    Assert.Equal("\"\"", at [ "data"; "title_error" ] right)

[<Fact>]
let ``a form that is over is closed with words`` () =
    for action in
        [
            """{"action":"INIT","flow_token":"old"}"""
            """{"action":"data_exchange","screen":"TICKET","data":{"title":"x"}}"""
        ] do
        let status, answer = asking action
        Assert.Equal(427, status)
        Assert.Contains("out of date", at [ "error_msg" ] answer)

[<Fact>]
let ``a failure on the telephone is acknowledged and told without its words`` () =
    told.Clear()

    let status, answer =
        asking
            """{"action":"data_exchange","flow_token":"open","data":{"error":"timeout","error_message":"Ana 600111222"}}"""

    Assert.Equal(200, status)
    Assert.Equal("true", at [ "data"; "acknowledged" ] answer)
    Assert.Contains("A telephone could not go on with the form: timeout", told)
    Assert.DoesNotContain(told, fun (line: string) -> line.Contains "Ana")

[<Fact>]
let ``nobody gets in without a signature of ours`` () =
    let body, _ = ask pair.Value """{"action":"ping"}"""
    let bytes = Encoding.UTF8.GetBytes body

    let other =
        WhatsAppSignature.sign (Encoding.UTF8.GetBytes "another") (ReadOnlyMemory bytes)

    for header in [ ""; "sha256="; other; (sign bytes).Replace("sha256=", "sha1=") ] do
        Assert.Equal(432, fst (postSigned header bytes))

    Assert.Equal(432, fst (postSigned (sign bytes) (Array.append bytes " "B)))
    Assert.Equal(200, fst (postSigned (sign bytes) bytes))

[<Fact>]
let ``what cannot be decrypted has the key fetched anew`` () =
    use other = RSA.Create 2048
    let body, _ = ask other """{"action":"ping"}"""
    told.Clear()
    Assert.Equal(421, fst (post body))
    Assert.Contains(told, fun (line: string) -> line.Contains "bot whatsapp flow key")

[<Fact>]
let ``what is signed and no request of a form is refused with a reason`` () =
    let unknown, _ =
        ask pair.Value """{"action":"data_exchange","screen":"OLD","data":{"title":"Ana"}}"""

    let noJson, _ = ask pair.Value "not json"

    for body, words in
        [
            "", "the body is no JSON"
            "{}", "encrypted_aes_key is missing"
            unknown, "screen that the form does not have"
            noJson, "no JSON"
        ] do
        let status, answer = post body
        Assert.Equal(400, status)
        Assert.Contains(words, answer)
        Assert.DoesNotContain("Ana", answer)

[<Fact>]
let ``a body over the limit is refused unread`` () =
    let large = Array.create (FlowDoor.bodyLimit + 1) (byte ' ')
    Assert.Equal(413, fst (postSigned (sign large) large))
    Assert.Equal(400, fst (postSigned (sign large[1..]) large[1..]))
