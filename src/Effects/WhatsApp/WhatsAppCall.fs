namespace FunctionalBot.Effects

open System
open System.IO
open System.Net
open System.Net.Http
open System.Net.Http.Headers
open System.Threading
open System.Threading.Tasks

/// Where and as whom the Cloud API is called.
[<NoComparison; NoEquality>]
type WhatsAppSettings = {
    /// With the version, for example https://graph.facebook.com/v25.0.
    GraphUrl: Uri
    /// A system user's token with the permission whatsapp_business_messaging, asked for at each call: it may be
    /// replaced while the bot runs.
    Token: unit -> string
    PhoneNumberId: string
    /// How long one call may take, from connecting to the last byte of the answer.
    Timeout: TimeSpan
}

/// A body that knows whether anything of it went out: what was never begun cannot have been sent.
type internal TracedContent(bytes: byte[]) as this =
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
type internal CallEnd =
    /// A whole answer; the body is at most `answerLimit` bytes.
    | Answered of HttpStatusCode * retryAfter: TimeSpan option * body: byte[]
    /// No whole answer. `sent` tells that something of the request may have reached the other side.
    | Broken of sent: bool * reason: string

/// One call to the Graph API, as far as the network goes.
module internal WhatsAppCall =
    let private answerLimit = 64 * 1024

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

    /// Reads no more than is of use; Meta's answers to messages are a few hundred bytes.
    let private readBody (response: HttpResponseMessage) limit token = task {
        use! stream = response.Content.ReadAsStreamAsync(token: CancellationToken)
        let buffer = Array.zeroCreate<byte> limit
        let! count = stream.ReadAtLeastAsync(Memory buffer, limit, false, token)
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

    /// Makes one call with the token; an answer of up to `limit` bytes is read. `limited` ends it, for a host that
    /// stops or for its time.
    let private exchange
        (limit: int)
        (settings: WhatsAppSettings)
        (client: HttpClient)
        (request: HttpRequestMessage)
        (started: unit -> bool)
        (limited: CancellationToken)
        (token: CancellationToken)
        : Task<CallEnd> = task {
        request.Headers.Authorization <- AuthenticationHeaderValue("Bearer", settings.Token())
        request.Headers.UserAgent.Add(ProductInfoHeaderValue("FunctionalBot", "1.0"))

        try
            use! response =
                client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limited)

            let! body = readBody response limit limited
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

    /// A body of JSON that knows whether anything of it went out.
    let json (bytes: byte[]) : HttpContent = new TracedContent(bytes)

    /// Whether something of the request may have gone out. Of a body that does not know it may.
    let private wasStarted (content: HttpContent option) () =
        match content with
        | Some(:? TracedContent as traced) -> traced.Started
        | Some _
        | None -> true

    /// Makes one call with the token, within the time limit of the settings, and reads an answer of up to `limit`
    /// bytes. Never throws for what a network can do.
    let sendUpTo
        (limit: int)
        (settings: WhatsAppSettings)
        (client: HttpClient)
        (method: HttpMethod)
        (path: string)
        (content: HttpContent option)
        (token: CancellationToken)
        : Task<CallEnd> = task {
        use limited = CancellationTokenSource.CreateLinkedTokenSource token
        limited.CancelAfter settings.Timeout
        use request = new HttpRequestMessage(method, address settings path)
        content |> Option.iter (fun content -> request.Content <- content)
        return! exchange limit settings client request (wasStarted content) limited.Token token
    }

    /// Posts a body that takes long. What is limited is how long it may stand still: `content` is made with what it
    /// has to call whenever some of it went out.
    let sendLong
        (settings: WhatsAppSettings)
        (client: HttpClient)
        (path: string)
        (content: (unit -> unit) -> HttpContent)
        (token: CancellationToken)
        : Task<CallEnd> = task {
        use limited = CancellationTokenSource.CreateLinkedTokenSource token
        limited.CancelAfter settings.Timeout
        use request = new HttpRequestMessage(HttpMethod.Post, address settings path)
        request.Content <- content (fun () -> limited.CancelAfter settings.Timeout)
        // Who will not take it says so before it is sent.
        request.Headers.ExpectContinue <- true
        return! exchange answerLimit settings client request (fun () -> true) limited.Token token
    }

    /// `sendUpTo` for the short answers of calls about messages. The body is JSON.
    let send settings client method path body token : Task<CallEnd> =
        sendUpTo answerLimit settings client method path (Option.map json body) token
