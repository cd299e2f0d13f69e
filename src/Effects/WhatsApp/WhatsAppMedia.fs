namespace FunctionalBot.Effects

open System
open System.Buffers
open System.IO
open System.Net
open System.Net.Http
open System.Net.Http.Headers
open System.Security.Cryptography
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// How media are fetched.
[<NoComparison; NoEquality>]
type MediaSettings = {
    /// Where and as whom the Graph API is asked; its time limit counts for asking where a file is.
    Graph: WhatsAppSettings
    /// Hosts that the token may go to beside the Graph API's own, over https alone.
    Hosts: string list
    /// How long a download may stand still.
    Idle: TimeSpan
}

/// Downloading media in two steps: the Graph API says where a file is, and for five minutes it can be fetched there,
/// with the same token. The address comes from outside, so the token goes to known hosts alone, and no redirect is
/// followed with it (the client must follow none).
module WhatsAppMedia =
    open LenientJson

    /// Where Meta keeps media.
    let defaultHosts = [ "lookaside.fbsbx.com" ]

    /// How much of a file is in memory at a time.
    let private bufferSize = 64 * 1024

    /// How much of a file's beginning is told to whoever judges it.
    let private beginning = 4096

    let private waitForOperator = TimeSpan.FromMinutes 5.

    /// What the Graph API says of a file.
    [<NoComparison>]
    type private Place = {
        Address: Uri
        Size: int64 option
        Sha256: string option
    }

    /// How one look-up and one download ended.
    [<NoComparison; NoEquality>]
    type private Fetched =
        | Finished of Result<Downloaded, FileFailure>
        /// The address is too old, or not known there.
        | AddressGone of status: int

    let private unreachable reason =
        Error(WillNeverCome(FileUnreachable reason))

    /// One step of reading from Meta: what a network does becomes a failure of the download. What is done with the
    /// bytes is no part of it, so that a full disk is not taken for a broken line.
    let private fromMeta (cancel: CancellationToken) (step: unit -> Task<'value>) = task {
        try
            let! value = step ()
            return Ok value
        with
        | :? HttpRequestException
        | :? IOException -> return Error(FetchAgain(None, "WhatsApp: the download broke off"))
        | :? OperationCanceledException when not cancel.IsCancellationRequested ->
            return Error(FetchAgain(None, "WhatsApp: the download stood still"))
    }

    // ---------------------------------------------------------------------------------------------------------
    // Where a file is

    let private placeOf (body: byte[]) : Place option =
        try
            use document =
                JsonDocument.Parse(ReadOnlyMemory body, JsonDocumentOptions(MaxDepth = maximumDepth))

            let root = document.RootElement

            match
                filled "url" root
                |> Option.map (fun text -> Uri.TryCreate(text, UriKind.Absolute))
            with
            | Some(true, NonNull address) ->
                Some {
                    Address = address
                    Size = whole "file_size" root |> Option.filter (fun size -> size >= 0L)
                    Sha256 = filled "sha256" root
                }
            | _ -> None
        with
        | :? JsonException
        | :? InvalidOperationException -> None

    /// What an answer with an error means for a file. A token that is dead holds the file back and loses nothing: it
    /// can be fetched for seven days.
    let private failed (status: HttpStatusCode) after body : FileFailure =
        let code, _ = WhatsAppAnswer.errorOf body
        let kind, meaning = WhatsAppErrors.classify status code

        let reason =
            match code with
            | Some code -> $"WhatsApp: %s{meaning} (code %d{code}, HTTP %d{int status})"
            | None -> $"WhatsApp: %s{meaning} (HTTP %d{int status})"

        match kind, code with
        // The object is not there, or the token may not see it: what was deleted looks like this.
        | _, Some(33 | 100) -> WillNeverCome FileGone
        | NotYet, _
        | NotYetForCustomer, _
        | Unclear, _ -> FetchAgain(after, reason)
        | Stopped, _ -> FetchHeldBack(waitForOperator, reason)
        | Never, _ -> WillNeverCome(FileUnreachable reason)

    let private locate settings client (request: FileRequest) cancel = task {
        // By the number's id the Graph API refuses files of other numbers.
        let path =
            Uri.EscapeDataString request.MediaId
            + "?phone_number_id="
            + Uri.EscapeDataString settings.Graph.PhoneNumberId

        match! WhatsAppCall.send settings.Graph client HttpMethod.Get path None cancel with
        | Broken(_, reason) -> return Error(FetchAgain(None, "WhatsApp: " + reason))
        | Answered(status, after, body) when int status < 200 || int status > 299 ->
            return Error(failed status after body)
        | Answered(_, _, body) ->
            match placeOf body with
            | Some place -> return Ok place
            | None -> return Error(FetchAgain(None, "WhatsApp: an answer that names no address of the file"))
    }

    // ---------------------------------------------------------------------------------------------------------
    // Fetching it

    /// The Graph API's own host, as it is set, or one of Meta's hosts over https.
    let private mayGetToken settings (address: Uri) =
        let graph = settings.Graph.GraphUrl

        let isGraph =
            address.Scheme = graph.Scheme
            && address.Port = graph.Port
            && String.Equals(address.Host, graph.Host, StringComparison.OrdinalIgnoreCase)

        let isMeta =
            address.Scheme = Uri.UriSchemeHttps
            && address.IsDefaultPort
            && settings.Hosts
               |> List.exists (fun host ->
                   String.Equals(host, address.Host, StringComparison.OrdinalIgnoreCase))

        address.UserInfo = "" && (isGraph || isMeta)

    /// Meta writes hashes as base64 in webhooks and as hex elsewhere.
    let private isHash (hash: byte[]) (told: string) =
        String.Equals(told, Convert.ToHexStringLower hash, StringComparison.OrdinalIgnoreCase)
        || told.TrimEnd('=').Replace('-', '+').Replace('_', '/') = (Convert.ToBase64String hash).TrimEnd '='

    /// Reads the next bytes, which must come within the time. The clock stands still while they are written.
    let private readSome
        (idle: TimeSpan)
        (limited: CancellationTokenSource)
        (body: Stream)
        (buffer: byte[])
        (cancel: CancellationToken)
        : Task<Result<int, FileFailure>> = task {
        limited.CancelAfter idle

        let! count =
            fromMeta cancel (fun () -> body.ReadAsync(Memory(buffer, 0, bufferSize), limited.Token).AsTask())

        limited.CancelAfter Timeout.InfiniteTimeSpan
        return count
    }

    /// Copies the body, counting and hashing what goes by. Of the body one buffer is in memory.
    let private copy
        (idle: TimeSpan)
        (limited: CancellationTokenSource)
        (body: Stream)
        (target: Stream)
        (limit: int64)
        (cancel: CancellationToken)
        : Task<Result<byte[] * int64 * byte[], FileFailure>> = task {
        use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
        use first = new MemoryStream()
        let buffer = ArrayPool.Shared.Rent bufferSize
        let mutable size = 0L
        let mutable result = None

        try
            while result.IsNone do
                match! readSome idle limited body buffer cancel with
                | Error failure -> result <- Some(Error failure)
                | Ok 0 -> result <- Some(Ok(hash.GetHashAndReset(), size, first.ToArray()))
                | Ok count when size + int64 count > limit ->
                    result <- Some(Error(WillNeverCome(FileTooLarge limit)))
                | Ok count ->
                    size <- size + int64 count
                    hash.AppendData(buffer, 0, count)

                    if first.Length < int64 beginning then
                        first.Write(buffer, 0, min count (beginning - int first.Length))

                    do! target.WriteAsync(ReadOnlyMemory(buffer, 0, count), cancel)

            return result.Value
        finally
            ArrayPool.Shared.Return buffer
    }

    /// What the file was. `named` are the hashes that were told of it, `size` the bytes that were announced.
    let private judge (named: string list) (size: int64 option) (hash: byte[], read: int64, first: byte[]) =
        let isWhole = size |> Option.forall (fun size -> size = read)

        if isWhole && named |> List.forall (isHash hash) then
            Ok {
                Hash = FileHash(Convert.ToHexStringLower hash)
                Size = read
                Begin = first
            }
        else
            Error(WillNeverCome FileDamaged)

    let private retryAfter (response: HttpResponseMessage) =
        match response.Headers.RetryAfter with
        | null -> None
        | value -> value.Delta |> Option.ofNullable |> Option.map (min (TimeSpan.FromHours 1.))

    let private tooLarge limit (size: int64 option) =
        size |> Option.exists (fun size -> size > limit)

    let private answered
        settings
        (request: FileRequest)
        place
        limit
        (limited: CancellationTokenSource)
        (response: HttpResponseMessage)
        (target: Stream)
        (cancel: CancellationToken)
        : Task<Fetched> = task {
        let status = int response.StatusCode
        let length = response.Content.Headers.ContentLength |> Option.ofNullable

        if status = 200 && tooLarge limit length then
            return Finished(Error(WillNeverCome(FileTooLarge limit)))
        elif status = 200 then
            // The body comes while it is read: nothing is waited for here.
            use! body = response.Content.ReadAsStreamAsync cancel
            let! copied = copy settings.Idle limited body target limit cancel
            let named = List.choose id [ request.Sha256; place.Sha256 ]
            return Finished(copied |> Result.bind (judge named (Option.orElse place.Size length)))
        elif List.contains status [ 401; 403; 404; 410 ] then
            return AddressGone status
        elif status >= 300 && status < 400 then
            return Finished(unreachable "the download is sent on to another address, which is not followed")
        elif status = 408 || status = 429 || status >= 500 then
            return
                Finished(
                    Error(FetchAgain(retryAfter response, $"WhatsApp: the download failed (HTTP %d{status})"))
                )
        else
            return Finished(unreachable $"the download was refused (HTTP %d{status})")
    }

    let private download
        settings
        (client: HttpClient)
        request
        place
        limit
        target
        (cancel: CancellationToken)
        = task {
        use limited = CancellationTokenSource.CreateLinkedTokenSource cancel
        limited.CancelAfter settings.Graph.Timeout
        use message = new HttpRequestMessage(HttpMethod.Get, place.Address)
        message.Headers.Authorization <- AuthenticationHeaderValue("Bearer", settings.Graph.Token())
        message.Headers.UserAgent.Add(ProductInfoHeaderValue("FunctionalBot", "1.0"))

        match!
            fromMeta cancel (fun () ->
                client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, limited.Token))
        with
        | Error failure -> return Finished(Error failure)
        | Ok response ->
            use response = response
            return! answered settings request place limit limited response target cancel
    }

    /// One look-up and one download.
    let private once settings client request limit target cancel = task {
        match! locate settings client request cancel with
        | Error failure -> return Finished(Error failure)
        | Ok place when tooLarge limit place.Size -> return Finished(Error(WillNeverCome(FileTooLarge limit)))
        | Ok place when not (mayGetToken settings place.Address) ->
            let host = place.Address.Host

            return
                Finished(
                    Error(
                        FetchHeldBack(
                            waitForOperator,
                            $"WhatsApp names the host %s{host} for a file, which the token does not go to; if it is \
                              Meta's, add it to WHATSAPP_MEDIA_HOSTS"
                        )
                    )
                )
        | Ok place -> return! download settings client request place limit target cancel
    }

    let private fetch settings client (request: FileRequest) limit target cancel = task {
        match! once settings client request limit target cancel with
        | Finished result -> return result
        | AddressGone _ ->
            // Five minutes are over, or it never was right: a new one tells.
            match! once settings client request limit target cancel with
            | Finished result -> return result
            | AddressGone 401 ->
                return
                    Error(
                        FetchHeldBack(
                            waitForOperator,
                            "WhatsApp: the token was refused where the file is (HTTP 401)"
                        )
                    )
            | AddressGone _ -> return Error(WillNeverCome FileGone)
    }

    /// The media of the settings' number over this client, which must follow no redirect. Never throws for what a
    /// network or Meta can do; a call that the caller cancels throws as any cancelled call.
    let create (settings: MediaSettings) (client: HttpClient) : FileSourcePort = {
        Download = fetch settings client
    }
