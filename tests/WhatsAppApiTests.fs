module FunctionalBot.Tests.WhatsAppApiTests

open System
open System.Collections.Concurrent
open System.IO
open System.Net
open System.Net.Http
open System.Net.Sockets
open System.Text
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Emulators
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open Xunit

let private secret = "EAAG-invented-token"

let private settingsFor (url: string) : WhatsAppSettings = {
    GraphUrl = Uri url
    Token = fun () -> secret
    PhoneNumberId = "100200300"
    Timeout = TimeSpan.FromSeconds 20.
}

let private key = {
    Session = {
        Channel = "whatsapp-100200300"
        Customer = CustomerId "ES.1"
        Ordinal = 1
    }
    Version = 2L
    Ordinal = 0
}

let private ana: Recipient = {
    Phone = Some "34600111222"
    BusinessScopedId = Some "ES.1"
}

/// A request as the server saw it.
type private Seen = {
    Method: string
    Path: string
    Authorization: string
    Body: string
}

/// Runs a server on a free local port that answers every call like this, hands its address and what it saw
/// to the test, and stops it.
let private withServer (answer: HttpContext -> Task) (test: string -> ConcurrentQueue<Seen> -> Task) : Task =
    task {
        let seen = ConcurrentQueue<Seen>()

        let handle (context: HttpContext) : Task = task {
            let! body = Exchange.readBody context

            seen.Enqueue {
                Method = context.Request.Method
                Path = context.Request.Path.ToString() + context.Request.QueryString.ToString()
                Authorization = context.Request.Headers.Authorization.ToString()
                Body = body
            }

            do! answer context
        }

        let! running =
            Hosting.start 0 10_000_000L (fun app -> app.Run(RequestDelegate handle))

        try
            do! test $"%O{running.Address}v25.0" seen
        finally
            running.Stop().Wait()
    }

let private reply
    (status: int)
    (headers: (string * string) list)
    (body: string)
    (context: HttpContext)
    : Task =
    context.Response.StatusCode <- status
    context.Response.ContentType <- "application/json"

    for name, value in headers do
        context.Response.Headers[name] <- value

    context.Response.WriteAsync body

let private sendVia (settings: WhatsAppSettings) recipient token = task {
    use client = FunctionalBot.Web.Composition.newClient (TimeSpan.FromSeconds 60.)
    let port = WhatsAppApi.create settings client

    let outgoing =
        Outgoing.ofCommand key recipient (Some(MessageId "wamid.0")) (TextMessage "secreto del cliente")

    return! port.Send outgoing token
}

let private send settings =
    sendVia settings ana CancellationToken.None

let private errorBody (code: int) =
    $"""{{"error":{{"message":"(#%d{code}) secreto del cliente 34600111222","type":"OAuthException","code":%d{code},"error_data":{{"details":"secreto del cliente"}},"fbtrace_id":"AbC-1"}}}}"""

let private reasonOf outcome =
    match outcome with
    | Accepted _ -> ""
    | RetryLater(_, reason)
    | RecipientBusy reason
    | HeldBack(_, reason)
    | OutcomeUnknown reason
    | Refused(_, reason)
    | ChannelStopped(_, reason) -> reason

let private assertDiscreet outcome =
    let reason = reasonOf outcome
    Assert.DoesNotContain("secreto", reason)
    Assert.DoesNotContain("34600111222", reason)
    Assert.DoesNotContain(secret, reason)

[<Fact>]
let ``a message that Meta takes is accepted with its id`` () =
    withServer
        (reply
            200
            []
            """{"messaging_product":"whatsapp","contacts":[{"input":"x"}],"messages":[{"id":"wamid.new"}]}""")
        (fun url seen -> task {
            let! outcome = send (settingsFor url)
            Assert.Equal(Accepted(MessageId "wamid.new"), outcome)
            let request = Assert.Single seen
            Assert.Equal("POST", request.Method)
            Assert.Equal("/v25.0/100200300/messages", request.Path)
            Assert.Equal("Bearer " + secret, request.Authorization)
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
    withServer (reply 200 [] """{"messages":[{"id":"wamid.new"}]}""") (fun url seen -> task {
        let! outcome =
            sendVia (settingsFor url) { ana with Phone = None } CancellationToken.None

        Assert.Equal(Accepted(MessageId "wamid.new"), outcome)
        let body = (nonNull (JsonNode.Parse (Assert.Single seen).Body)).AsObject()
        Assert.False(body.ContainsKey "to")
        Assert.True(body.ContainsKey "recipient")

        let nobody = {
            Phone = None
            BusinessScopedId = None
        }

        let! outcome = sendVia (settingsFor url) nobody CancellationToken.None
        Assert.True(outcome.IsRefused)
        Assert.Single seen |> ignore
    })

/// What must come of each error, as Meta documents it: HTTP status, code, and the outcome's name.
let private errors = [
    400, 4, "RetryLater"
    400, 80007, "RetryLater"
    429, 130429, "RetryLater"
    400, 131056, "RecipientBusy"
    400, 1, "OutcomeUnknown"
    503, 2, "OutcomeUnknown"
    500, 131000, "OutcomeUnknown"
    503, 131016, "OutcomeUnknown"
    500, 133004, "OutcomeUnknown"
    500, 131057, "OutcomeUnknown"
    500, 999999, "OutcomeUnknown"
    401, 0, "ChannelStopped"
    401, 190, "ChannelStopped"
    403, 10, "ChannelStopped"
    403, 200, "ChannelStopped"
    403, 299, "ChannelStopped"
    500, 131005, "ChannelStopped"
    403, 368, "ChannelStopped"
    403, 131031, "ChannelStopped"
    400, 131042, "ChannelStopped"
    500, 131045, "ChannelStopped"
    400, 100, "Refused"
    400, 131047, "Refused"
    400, 131026, "Refused"
    400, 131048, "Refused"
    400, 131051, "Refused"
    400, 999999, "Refused"
]

let private nameOf outcome =
    match outcome with
    | Accepted _ -> "Accepted"
    | RetryLater _ -> "RetryLater"
    | RecipientBusy _ -> "RecipientBusy"
    | HeldBack _ -> "HeldBack"
    | OutcomeUnknown _ -> "OutcomeUnknown"
    | Refused _ -> "Refused"
    | ChannelStopped _ -> "ChannelStopped"

[<Fact>]
let ``each error code has its outcome, and no reason tells what was written or to whom`` () : Task = task {
    for status, code, expected in errors do
        do!
            withServer (reply status [] (errorBody code)) (fun url _ -> task {
                let! outcome = send (settingsFor url)
                Assert.Equal($"%d{code}: %s{expected}", $"%d{code}: %s{nameOf outcome}")
                assertDiscreet outcome
                Assert.Contains($"code %d{code}, HTTP %d{status}, trace AbC-1", reasonOf outcome)

                match outcome with
                | Refused(told, _)
                | ChannelStopped(told, _) -> Assert.Equal(code, told)
                | _ -> ()
            })
}

[<Fact>]
let ``answers that are not Meta's are judged by their status`` () : Task = task {
    for status, body, expected in
        [
            200, "", "OutcomeUnknown"
            200, "<html>", "OutcomeUnknown"
            200, "{}", "OutcomeUnknown"
            200, """{"messages":[{}]}""", "OutcomeUnknown"
            200, """{"messages":[{"id":null}]}""", "OutcomeUnknown"
            500, "<html>secreto</html>", "OutcomeUnknown"
            502, "", "OutcomeUnknown"
            408, "", "OutcomeUnknown"
            429, "", "RetryLater"
            401, "{}", "ChannelStopped"
            404, "not found", "ChannelStopped"
            302, "", "ChannelStopped"
            400, """{"error":"secreto"}""", "Refused"
            500, """{"error":{"code":{"a":1}}}""", "OutcomeUnknown"
            400, """{"error":{"code":"131047"}}""", "Refused"
        ] do
        do!
            withServer (reply status [ "Location", "/elsewhere" ] body) (fun url seen -> task {
                let! outcome = send (settingsFor url)

                Assert.Equal(
                    $"%d{status} %s{body}: %s{expected}",
                    $"%d{status} %s{body}: %s{nameOf outcome}"
                )

                assertDiscreet outcome
                Assert.Single seen |> ignore
            })
}

[<Fact>]
let ``the time that the server names is kept`` () : Task = task {
    let date = "Sun, 22 Nov 2026 10:00:00 GMT"
    let later = "Sun, 22 Nov 2026 10:02:00 GMT"

    for headers, expected in
        [
            [], None
            [ "Retry-After", "17" ], Some(TimeSpan.FromSeconds 17.)
            [ "Retry-After", later; "Date", date ], Some(TimeSpan.FromMinutes 2.)
            [ "Retry-After", "99999999" ], Some(TimeSpan.FromDays 1.)
            [ "Retry-After", "soon" ], None
        ] do
        do!
            withServer (reply 429 headers (errorBody 130429)) (fun url _ -> task {
                match! send (settingsFor url) with
                | RetryLater(after, _) -> Assert.Equal(expected, after)
                | other -> failwith $"%A{other}"
            })
}

[<Fact>]
let ``a connection that is cut after the request leaves the outcome open, and the request is not sent again``
    ()
    : Task = task {
    let abort (context: HttpContext) : Task =
        context.Abort()
        Task.CompletedTask

    let half (context: HttpContext) : Task = task {
        context.Response.ContentLength <- 500L
        do! context.Response.WriteAsync """{"messages":[{"id":"wamid"""
        do! context.Response.Body.FlushAsync()
        context.Abort()
    }

    for broken in [ abort; half ] do
        do!
            withServer broken (fun url seen -> task {
                let! outcome = send (settingsFor url)
                Assert.True(outcome.IsOutcomeUnknown, $"%A{outcome}")
                assertDiscreet outcome
                Assert.Single seen |> ignore
            })
}

[<Fact>]
let ``a server that takes the request and says nothing leaves the outcome open`` () =
    let never (context: HttpContext) : Task = task {
        try
            do! Task.Delay(Timeout.Infinite, context.RequestAborted)
        with :? OperationCanceledException ->
            ()
    }

    withServer never (fun url seen -> task {
        let settings = {
            settingsFor url with
                Timeout = TimeSpan.FromMilliseconds 300.
        }

        let! outcome = send settings
        Assert.True(outcome.IsOutcomeUnknown, $"%A{outcome}")
        Assert.Contains("0.3 seconds", reasonOf outcome)
        Assert.Single seen |> ignore
    })

[<Fact>]
let ``a host that stops in the middle of a call gets a value and no exception`` () : Task = task {
    use stopping = new CancellationTokenSource()

    let never (context: HttpContext) : Task = task {
        stopping.Cancel()

        try
            do! Task.Delay(Timeout.Infinite, context.RequestAborted)
        with :? OperationCanceledException ->
            ()
    }

    do!
        withServer never (fun url _ -> task {
            let! outcome = sendVia (settingsFor url) ana stopping.Token
            Assert.True(outcome.IsOutcomeUnknown, $"%A{outcome}")
            let! outcome = sendVia (settingsFor url) ana stopping.Token
            Assert.True(outcome.IsRetryLater, $"%A{outcome}")
        })
}

/// An address of this machine where nobody listens.
let private closedAddress () =
    use listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    let port = (listener.LocalEndpoint :?> IPEndPoint).Port
    listener.Stop()
    $"http://127.0.0.1:%d{port}/v25.0"

[<Fact>]
let ``nothing was sent where nobody answers the call`` () : Task = task {
    let! outcome = send (settingsFor (closedAddress ()))
    Assert.True(outcome.IsRetryLater, $"%A{outcome}")
    let! outcome = send (settingsFor "http://no-such-host.invalid/v25.0")
    Assert.True(outcome.IsRetryLater, $"%A{outcome}")
}

/// A handler that fails like this once it has read the body, or before.
type private FailingHandler(readsBody: bool, problem: exn) =
    inherit HttpMessageHandler()

    override _.SendAsync(request, token) = task {
        if readsBody then
            do! (nonNull request.Content).CopyToAsync(Stream.Null, token)

        return raise problem
    }

[<Fact>]
let ``what counts is whether the body was begun`` () : Task = task {
    let outcomeOf readsBody problem = task {
        use client = new HttpClient(new FailingHandler(readsBody, problem))
        let port = WhatsAppApi.create (settingsFor "http://127.0.0.1:1/v25.0") client
        return! port.Send (Outgoing.ofCommand key ana None (TextMessage "Hola")) CancellationToken.None
    }

    for problem in [ HttpRequestException "x" :> exn; IOException "x"; TaskCanceledException "x" ] do
        let! before = outcomeOf false problem
        let! after = outcomeOf true problem
        Assert.True(before.IsRetryLater, $"%A{problem}: %A{before}")
        Assert.True(after.IsOutcomeUnknown, $"%A{problem}: %A{after}")

    let! refused =
        outcomeOf true (HttpRequestException(HttpRequestError.ConnectionError, "x"))

    Assert.True(refused.IsRetryLater, $"%A{refused}")
}

[<Fact>]
let ``marking as read answers with the message that was marked`` () =
    withServer (reply 200 [] """{"success":true}""") (fun url seen -> task {
        use client = FunctionalBot.Web.Composition.newClient (TimeSpan.FromSeconds 60.)
        let port = WhatsAppApi.create (settingsFor url) client

        let! outcome =
            port.MarkRead key.Session.Channel (MessageId "wamid.1") CancellationToken.None

        Assert.Equal(Accepted(MessageId "wamid.1"), outcome)

        let expected =
            """{"messaging_product":"whatsapp","status":"read","message_id":"wamid.1","typing_indicator":{"type":"text"}}"""

        Assert.Equal(expected, (Assert.Single seen).Body)

        // The webhook's decoder must name the channel as the adapter does, or nothing would ever be marked.
        let hello =
            WhatsAppSamples.message "1" "\"type\":\"text\",\"text\":{\"body\":\"Hola\"}"

        match WhatsAppSamples.readOne (WhatsAppSamples.bodyOf [ hello ]) with
        | CustomerDid(channel, _, _, _, _) ->
            Assert.Equal(channel, WhatsAppApi.channelOf (settingsFor url).PhoneNumberId)
        | other -> failwith $"%A{other}"
    })

[<Fact>]
let ``a message of another number is not marked, and nothing is sent for it`` () =
    withServer (reply 200 [] """{"success":true}""") (fun url seen -> task {
        use client = FunctionalBot.Web.Composition.newClient (TimeSpan.FromSeconds 60.)
        let port = WhatsAppApi.create (settingsFor url) client

        let! outcome =
            port.MarkRead "whatsapp-100200301" (MessageId "wamid.1") CancellationToken.None

        Assert.True(outcome.IsRefused, $"%A{outcome}")
        Assert.Empty seen
    })

[<Fact>]
let ``a link in a text asks for a preview, and nothing else does`` () =
    let preview body =
        let bytes =
            WhatsAppRequest.message (Outgoing.ofCommand key ana None (TextMessage body))

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
        WhatsAppRequest.message (Outgoing.ofCommand key ana None (TextMessage "a\uD83Db\u0000\u2028\"\\"))

    let body = nonNull (JsonNode.Parse(Encoding.UTF8.GetString bytes))
    Assert.Equal("a\uFFFDb\u0000\u2028\"\\", string (nonNull body["text"]).["body"])

[<Fact>]
let ``the doctor's check tells what the number is, or what is wrong`` () : Task = task {
    let check (url: string) = task {
        use client = FunctionalBot.Web.Composition.newClient (TimeSpan.FromSeconds 60.)
        return! WhatsAppApi.check (settingsFor url) client CancellationToken.None
    }

    let good =
        """{"display_phone_number":"+34 600 11 22 33","verified_name":"Tienda","quality_rating":"GREEN","id":"1"}"""

    do!
        withServer (reply 200 [] good) (fun url seen -> task {
            let! outcome = check url

            let expected: BusinessNumber = {
                DisplayNumber = "+34 600 11 22 33"
                VerifiedName = Some "Tienda"
                Quality = Some "GREEN"
            }

            Assert.Equal(Ok expected, outcome)
            let request = Assert.Single seen
            Assert.Equal("GET", request.Method)

            Assert.Equal(
                "/v25.0/100200300?fields=display_phone_number,verified_name,quality_rating",
                request.Path
            )
        })

    for status, body, expected in
        [
            401, errorBody 190, "WHATSAPP_TOKEN"
            400, errorBody 100, "the id 100200300"
            404, "<html>", "WHATSAPP_GRAPH_URL"
            200, "<html>", "WHATSAPP_GRAPH_URL"
        ] do
        do!
            withServer (reply status [] body) (fun url _ -> task {
                match! check url with
                | Error problem ->
                    Assert.Contains(expected, problem)
                    Assert.DoesNotContain(secret, problem)
                | Ok number -> failwith $"%A{number}"
            })

    match! check (closedAddress ()) with
    | Error problem -> Assert.Contains("cannot be reached", problem)
    | Ok number -> failwith $"%A{number}"
}

[<Fact>]
let ``no error code is listed twice`` () =
    let codes = WhatsAppErrors.known |> List.map _.Code
    Assert.Equal<int list>(List.distinct codes, codes)
