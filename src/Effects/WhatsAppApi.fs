namespace FunctionalBot.Effects

open System
open System.IO
open System.Net
open System.Net.Http
open System.Net.Http.Headers
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// Where and as whom the Cloud API is called.
[<NoComparison>]
type WhatsAppSettings = {
    /// With the version, for example https://graph.facebook.com/v25.0.
    GraphUrl: Uri
    /// A system user's token with the permission whatsapp_business_messaging.
    Token: string
    PhoneNumberId: string
    /// How long one call may take, from connecting to the last byte of the answer.
    Timeout: TimeSpan
}

/// What the Graph API tells about the business number.
type BusinessNumber = {
    /// As Meta writes it, for example "+34 600 11 22 33".
    DisplayNumber: string
    VerifiedName: string option
    /// "GREEN", "YELLOW", "RED" or "UNKNOWN".
    Quality: string option
}

/// A body that knows whether anything of it went out: what was never begun cannot have been sent.
type private TracedContent(bytes: byte[]) as this =
    inherit HttpContent()

    let mutable started = false

    do this.Headers.ContentType <- MediaTypeHeaderValue("application/json", "utf-8")

    member _.Started = Volatile.Read &started

    override _.SerializeToStreamAsync(stream: Stream, _: TransportContext | null) : Task =
        Volatile.Write(&started, true)
        stream.WriteAsync(bytes, 0, bytes.Length)

    override _.SerializeToStreamAsync
        (stream: Stream, _: TransportContext | null, token: CancellationToken)
        : Task =
        Volatile.Write(&started, true)
        stream.WriteAsync(bytes, 0, bytes.Length, token)

    override _.TryComputeLength(length: byref<int64>) =
        length <- int64 bytes.Length
        true

/// How one call ended, before anybody asks what it was for.
[<NoComparison; NoEquality>]
type private CallEnd =
    /// A whole answer; the body is at most `answerLimit` bytes.
    | Answered of HttpStatusCode * retryAfter: TimeSpan option * body: byte[]
    /// No whole answer. `sent` tells that something of the request may have reached the other side.
    | Broken of sent: bool * reason: string

/// The Cloud API over HTTP.
module WhatsAppApi =
    open WhatsAppJson

    let private answerLimit = 64 * 1024

    /// A client fit for the Graph API: it follows no redirects (the token stays with Meta), gives up connecting after
    /// five seconds, and looks the name up again every few minutes. Time limits are `WhatsAppSettings.Timeout`'s.
    let httpClient () : HttpClient =
        let handler =
            new SocketsHttpHandler(
                AllowAutoRedirect = false,
                UseCookies = false,
                ConnectTimeout = TimeSpan.FromSeconds 5.,
                PooledConnectionLifetime = TimeSpan.FromMinutes 5.,
                PooledConnectionIdleTimeout = TimeSpan.FromMinutes 1.,
                MaxConnectionsPerServer = 64,
                AutomaticDecompression = DecompressionMethods.All
            )

        new HttpClient(handler, Timeout = Timeout.InfiniteTimeSpan)

    let private address (settings: WhatsAppSettings) (path: string) =
        Uri(settings.GraphUrl.AbsoluteUri.TrimEnd '/' + "/" + path)

    /// Seconds, or a date that is taken against the answer's own Date. Between nothing and a day.
    let private retryAfter (response: HttpResponseMessage) : TimeSpan option =
        let named =
            match response.Headers.RetryAfter with
            | null -> None
            | value when value.Delta.HasValue -> Some value.Delta.Value
            | value when value.Date.HasValue && response.Headers.Date.HasValue ->
                Some(value.Date.Value - response.Headers.Date.Value)
            | _ -> None

        named
        |> Option.filter (fun span -> span >= TimeSpan.Zero)
        |> Option.map (min (TimeSpan.FromDays 1.))

    /// Reads no more than is of use; Meta's answers are a few hundred bytes.
    let private readBody (response: HttpResponseMessage) token = task {
        use! stream = response.Content.ReadAsStreamAsync(token: CancellationToken)
        let buffer = Array.zeroCreate<byte> answerLimit
        let! count = stream.ReadAtLeastAsync(Memory buffer, answerLimit, false, token)
        return Array.sub buffer 0 count
    }

    /// Connecting failed, so that nothing was sent.
    let private isBeforeSending (problem: HttpRequestException) =
        match problem.HttpRequestError with
        | HttpRequestError.NameResolutionError
        | HttpRequestError.ConnectionError
        | HttpRequestError.SecureConnectionError
        | HttpRequestError.ProxyTunnelError -> true
        | _ -> false

    let private call
        (settings: WhatsAppSettings)
        (client: HttpClient)
        (method: HttpMethod)
        (path: string)
        (body: byte[] option)
        (token: CancellationToken)
        : Task<CallEnd> = task {
        use limited = CancellationTokenSource.CreateLinkedTokenSource token
        limited.CancelAfter settings.Timeout
        use request = new HttpRequestMessage(method, address settings path)
        request.Headers.Authorization <- AuthenticationHeaderValue("Bearer", settings.Token)
        request.Headers.UserAgent.Add(ProductInfoHeaderValue("FunctionalBot", "1.0"))

        let content =
            body
            |> Option.map (fun bytes ->
                let content = new TracedContent(bytes)
                request.Content <- content
                content)

        let started () =
            match content with
            | Some content -> content.Started
            | None -> true

        try
            use! response =
                client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limited.Token)

            let! body = readBody response limited.Token
            return Answered(response.StatusCode, retryAfter response, body)
        with
        | :? HttpRequestException as problem ->
            let sent = started () && not (isBeforeSending problem)
            return Broken(sent, $"the connection failed (%O{problem.HttpRequestError})")
        | :? IOException -> return Broken(started (), "the connection broke")
        | :? OperationCanceledException when token.IsCancellationRequested ->
            return Broken(started (), "the bot was stopping")
        | :? OperationCanceledException ->
            let seconds = settings.Timeout.TotalSeconds
            return Broken(started (), $"no answer within %g{seconds} seconds")
    }

    /// Reads an answer as JSON and hands the root on. None for what is no JSON.
    let private withJson (body: byte[]) (read: JsonElement -> 'a option) : 'a option =
        try
            use document =
                JsonDocument.Parse(ReadOnlyMemory body, JsonDocumentOptions(MaxDepth = maximumDepth))

            read document.RootElement
        with
        | :? JsonException
        | :? InvalidOperationException -> None

    let private errorOf (body: byte[]) : int option * string option =
        let read root =
            field "error" root
            |> Option.map (fun error ->
                let code =
                    whole "code" error
                    |> Option.filter (fun code -> abs code <= int64 Int32.MaxValue)
                    |> Option.map int

                let isPlain unit =
                    Char.IsAsciiLetterOrDigit unit || unit = '-' || unit = '_'

                code,
                filled "fbtrace_id" error
                |> Option.map (String.filter isPlain >> Graphemes.start 60))

        withJson body read |> Option.defaultValue (None, None)

    /// What an answer with an error means. Nothing of Meta's text goes into the reason, since that may quote the message.
    let private failed (status: HttpStatusCode) after body : SendOutcome =
        let code, trace = errorOf body
        let kind, meaning = WhatsAppErrors.classify status code
        let number = code |> Option.defaultValue (int status)

        let reason =
            String.concat "" [
                "WhatsApp: "
                meaning
                " ("
                match code with
                | Some code -> "code " + string code + ", "
                | None -> ()
                "HTTP " + string (int status)
                match trace with
                | Some trace when trace <> "" -> ", trace " + trace
                | _ -> ()
                ")"
            ]

        match kind with
        | NotYet -> RetryLater(after, reason)
        | Unclear -> OutcomeUnknown reason
        | Stopped -> ChannelStopped(number, reason)
        | Never -> Refused(number, reason)

    let private isSuccess (status: HttpStatusCode) = int status >= 200 && int status < 300

    let private post settings client (body: byte[]) (accepted: JsonElement -> MessageId option) token = task {
        let path = Uri.EscapeDataString settings.PhoneNumberId + "/messages"

        match! call settings client HttpMethod.Post path (Some body) token with
        | Broken(false, reason) -> return RetryLater(None, "WhatsApp: nothing was sent, " + reason)
        | Broken(true, reason) -> return OutcomeUnknown("WhatsApp: " + reason)
        | Answered(status, after, answer) when isSuccess status ->
            match withJson answer accepted with
            | Some id -> return Accepted id
            | None -> return failed status after answer
        | Answered(status, after, answer) -> return failed status after answer
    }

    let private sentId root =
        list "messages" root
        |> List.tryHead
        |> Option.bind (filled "id")
        |> Option.map MessageId

    let private send settings client key (recipient: Recipient) message replyTo token : Task<SendOutcome> =
        match recipient with
        | {
              Phone = None
              BusinessScopedId = None
          } ->
            Task.FromResult(
                Refused(100, "WhatsApp: neither a phone number nor an id of the customer is known")
            )
        | _ -> post settings client (WhatsAppRequest.message key recipient message replyTo) sentId token

    let private markRead settings client message token : Task<SendOutcome> =
        let accepted root =
            if text "success" root = Some "true" then
                Some message
            else
                None

        post settings client (WhatsAppRequest.markRead message) accepted token

    /// The port over this client. A call that the host cancels ends as a value too: RetryLater if nothing had been
    /// sent, else OutcomeUnknown. MarkRead's Accepted holds the message that was marked.
    let create (settings: WhatsAppSettings) (client: HttpClient) : WhatsAppPort = {
        Send = send settings client
        MarkRead = markRead settings client
    }

    /// Asks Meta for the business number: whether the address, the token and the number's id are right. Error with what
    /// is wrong and how to mend it; the token is never in it.
    let check
        (settings: WhatsAppSettings)
        (client: HttpClient)
        (token: CancellationToken)
        : Task<Result<BusinessNumber, string>> = task {
        let path =
            Uri.EscapeDataString settings.PhoneNumberId
            + "?fields=display_phone_number,verified_name,quality_rating"

        let number root =
            filled "display_phone_number" root
            |> Option.map (fun display -> {
                DisplayNumber = display
                VerifiedName = filled "verified_name" root
                Quality = filled "quality_rating" root
            })

        match! call settings client HttpMethod.Get path None token with
        | Broken(_, reason) ->
            return
                Error
                    $"%s{settings.GraphUrl.Host} cannot be reached: %s{reason}. Check WHATSAPP_GRAPH_URL and the network."
        | Answered(status, after, body) when not (isSuccess status) ->
            match failed status after body, errorOf body with
            | _, (Some(33 | 100), _) ->
                let mend =
                    "Copy it from the app's page WhatsApp > API Setup, and give the token's system user access to it."

                return Error $"The number with the id in WHATSAPP_PHONE_NUMBER_ID cannot be read. %s{mend}"
            | (RetryLater(_, reason) | OutcomeUnknown reason | Refused(_, reason) | ChannelStopped(_, reason)),
              _ -> return Error reason
            | Accepted _, _ -> return Error "WhatsApp gave an answer that makes no sense."
        | Answered(_, _, body) ->
            match withJson body number with
            | Some number -> return Ok number
            | None -> return Error "The answer is not that of the Graph API. Check WHATSAPP_GRAPH_URL."
    }
