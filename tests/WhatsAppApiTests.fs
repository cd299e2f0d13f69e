/// What goes over the wire to the Cloud API, for messages, read marks and the doctor's question.
module FunctionalBot.Tests.WhatsAppApiTests

open System
open System.Text
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.WhatsAppApiStage
open Xunit

[<Fact>]
let ``a message that Meta takes is accepted with its id`` () =
    let answer =
        """{"messaging_product":"whatsapp","contacts":[{"input":"x"}],"messages":[{"id":"wamid.new"}]}"""

    ScriptedServer.using (fun _ -> ScriptedServer.json answer) (fun server -> task {
        let! outcome = send server.Address
        Assert.Equal(Accepted(MessageId "wamid.new"), outcome)
        let request = Assert.Single(server.Asked())
        Assert.Equal(("POST", "/v25.0/100200300/messages"), (request.Method, request.Path))
        Assert.Equal("Bearer " + token, request.Headers["authorization"])
        let body = nonNull (JsonNode.Parse request.Body)
        let text (name: string) = string body[name]
        Assert.Equal("whatsapp", text "messaging_product")
        Assert.Equal("individual", text "recipient_type")
        Assert.Equal("+34600111222", text "to")
        Assert.Equal("ES.1", text "recipient")
        Assert.Equal("session/whatsapp-100200300/ES.1/1/2/0", text "biz_opaque_callback_data")
        Assert.Equal("""{"message_id":"wamid.0"}""", (nonNull body["context"]).ToJsonString())

        Assert.Equal(
            """{"preview_url":false,"body":"secreto del cliente"}""",
            (nonNull body["text"]).ToJsonString()
        )
    })

[<Fact>]
let ``a customer without a phone number is written to by the business-scoped id`` () =
    let answer = """{"messages":[{"id":"wamid.new"}]}"""

    ScriptedServer.using (fun _ -> ScriptedServer.json answer) (fun server -> task {
        let! outcome =
            sendVia (settingsFor server.Address) { ana with Phone = None } CancellationToken.None

        Assert.Equal(Accepted(MessageId "wamid.new"), outcome)

        let body =
            (nonNull (JsonNode.Parse (Assert.Single(server.Asked())).Body)).AsObject()

        Assert.False(body.ContainsKey "to")
        Assert.Equal("ES.1", string body["recipient"])
    })

/// Marks a message of this channel as read.
let private mark address channel = task {
    use client = FunctionalBot.Web.Composition.newClient (TimeSpan.FromSeconds 60.)
    let port = WhatsAppApi.create (settingsFor address) client
    return! port.MarkRead channel (MessageId "wamid.1") CancellationToken.None
}

let private marked _ =
    ScriptedServer.json """{"success":true}"""

[<Fact>]
let ``marking as read answers with the message that was marked`` () =
    ScriptedServer.using marked (fun server -> task {
        let! outcome = mark server.Address key.Session.Channel
        Assert.Equal(Accepted(MessageId "wamid.1"), outcome)

        let expected =
            """{"messaging_product":"whatsapp","status":"read","message_id":"wamid.1","typing_indicator":{"type":"text"}}"""

        Assert.Equal(expected, (Assert.Single(server.Asked())).Body)

        // The webhook's decoder must name the channel as the adapter does, or nothing would ever be marked.
        let hello =
            WhatsAppSamples.message "1" "\"type\":\"text\",\"text\":{\"body\":\"Hola\"}"

        match WhatsAppSamples.readOne (WhatsAppSamples.bodyOf [ hello ]) with
        | CustomerDid(channel, _, _, _, _) ->
            Assert.Equal(channel, WhatsAppApi.channelOf (settingsFor server.Address).PhoneNumberId)
        | other -> failwith $"%A{other}"
    })

[<Fact>]
let ``a message of another number is not marked, and nothing is sent for it`` () =
    ScriptedServer.using marked (fun server -> task {
        let! outcome = mark server.Address "whatsapp-100200301"
        Assert.True(outcome.IsRefused, $"%A{outcome}")
        Assert.Empty(server.Asked())
    })

[<Fact>]
let ``a link in a text asks for a preview, and nothing else does`` () =
    let preview body =
        let bytes = WhatsAppRequest.message (saying (TextMessage body))
        let root = nonNull (JsonNode.Parse(Encoding.UTF8.GetString bytes))
        (nonNull (nonNull root["text"]).["preview_url"]).GetValue<bool>()

    for body in
        [
            "https://example.com"
            "Mira http://example.com/a"
            "la ayuda (HTTPS://EXAMPLE.COM)"
            "https://a.es y https://b.es"
        ] do
        Assert.True(preview body, body)

    for body in
        [
            ""
            "Hola"
            "example.com"
            "http: //x"
            "https://"
            "https:// y nada"
            "ftp://example.com"
        ] do
        Assert.False(preview body, body)

[<Fact>]
let ``halves of emoji and other odd text still make a JSON body`` () =
    let bytes =
        WhatsAppRequest.message (saying (TextMessage "a\uD83Db\u0000\u2028\"\\"))

    let body = nonNull (JsonNode.Parse(Encoding.UTF8.GetString bytes))
    Assert.Equal("a\uFFFDb\u0000\u2028\"\\", string (nonNull body["text"]).["body"])

[<Fact>]
let ``the doctor's check tells what the number is, or what is wrong`` () : Task = task {
    let check (address: Uri) = task {
        use client = FunctionalBot.Web.Composition.newClient (TimeSpan.FromSeconds 60.)
        return! WhatsAppApi.check (settingsFor address) client CancellationToken.None
    }

    let good =
        """{"display_phone_number":"+34 600 11 22 33","verified_name":"Tienda","quality_rating":"GREEN","id":"1"}"""

    do!
        ScriptedServer.using (fun _ -> ScriptedServer.json good) (fun server -> task {
            let! outcome = check server.Address

            let expected: BusinessNumber = {
                DisplayNumber = "+34 600 11 22 33"
                VerifiedName = Some "Tienda"
                Quality = Some "GREEN"
            }

            Assert.Equal(Ok expected, outcome)
            let request = Assert.Single(server.Asked())
            Assert.Equal(("GET", "/v25.0/100200300"), (request.Method, request.Path))
            Assert.Equal("?fields=display_phone_number,verified_name,quality_rating", request.Query)
        })

    for status, body, expected in
        [
            401, errorBody 190, "WHATSAPP_TOKEN"
            400, errorBody 100, "the id 100200300"
            404, "<html>", "WHATSAPP_GRAPH_URL"
            200, "<html>", "WHATSAPP_GRAPH_URL"
        ] do
        do!
            ScriptedServer.using (fun _ -> ScriptedServer.failure status body) (fun server -> task {
                match! check server.Address with
                | Error problem ->
                    Assert.Contains(expected, problem)
                    Assert.DoesNotContain(token, problem)
                | Ok number -> failwith $"%A{number}"
            })

    match! check (closedAddress ()) with
    | Error problem -> Assert.Contains("cannot be reached", problem)
    | Ok number -> failwith $"%A{number}"
}
