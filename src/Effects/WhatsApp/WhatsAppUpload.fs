namespace FunctionalBot.Effects

open System
open System.Buffers
open System.IO
open System.Net
open System.Net.Http
open System.Net.Http.Headers
open System.Threading
open System.Threading.Tasks

/// The bytes of a file, which go from a stream to the network through one small buffer.
type internal UploadContent(source: Stream, size: int64, wentOut: unit -> unit) =
    inherit HttpContent()

    let isWrongSize = ref false

    let copy (target: Stream) (token: CancellationToken) : Task = task {
        let buffer = ArrayPool<byte>.Shared.Rent UploadContent.BufferSize
        let written = ref 0L
        let isAtEnd = ref false

        try
            while not isAtEnd.Value do
                let! count = source.ReadAsync(Memory(buffer, 0, UploadContent.BufferSize), token)
                isAtEnd.Value <- (count = 0)
                written.Value <- written.Value + int64 count

                // What is longer than it was said to be is not sent on: the request says how long it is.
                if written.Value > size then
                    isAtEnd.Value <- true
                elif count > 0 then
                    do! target.WriteAsync(ReadOnlyMemory(buffer, 0, count), token)
                    wentOut ()
        finally
            ArrayPool<byte>.Shared.Return buffer

        if written.Value <> size then
            isWrongSize.Value <- true
            raise (IOException "the file is not as long as it was said to be")
    }

    /// How much of a file is in memory.
    static member BufferSize = 64 * 1024

    /// Whether the file turned out shorter or longer than it was said to be.
    member _.IsWrongSize = isWrongSize.Value

    override _.SerializeToStreamAsync(stream: Stream, _: TransportContext | null) : Task =
        copy stream CancellationToken.None

    override _.SerializeToStreamAsync
        (stream: Stream, _: TransportContext | null, token: CancellationToken)
        : Task =
        copy stream token

    override _.TryComputeLength(length: byref<int64>) =
        length <- size
        true

/// Uploading files: `POST /{phone_number_id}/media` as multipart/form-data.
module internal WhatsAppUpload =
    open LenientJson
    open WhatsAppAnswer

    /// What the file is called on the way: Meta shows the name that the message says. Names of other alphabets would
    /// need an encoding that not every server reads.
    let private plainName (name: string) =
        match Path.GetExtension name with
        | NonNull ending when ending.Length > 1 && Seq.forall Char.IsAsciiLetterOrDigit ending[1..] ->
            "file" + ending
        | _ -> "file"

    let private form (file: FileUpload) (content: UploadContent) : HttpContent =
        let text (name: string) (value: string) =
            let part = new StringContent(value)
            part.Headers.ContentType <- null

            part.Headers.ContentDisposition <-
                ContentDispositionHeaderValue("form-data", Name = $"\"%s{name}\"")

            part

        let form = new MultipartFormDataContent()
        form.Add(text "messaging_product" "whatsapp")
        form.Add(text "type" file.MimeType)

        content.Headers.ContentType <-
            match MediaTypeHeaderValue.TryParse file.MimeType with
            | true, kind -> kind
            | _ -> MediaTypeHeaderValue "application/octet-stream"

        content.Headers.ContentDisposition <-
            ContentDispositionHeaderValue(
                "form-data",
                Name = "\"file\"",
                FileName = $"\"%s{plainName file.Name}\""
            )

        form.Add content

        // .NET puts the boundary in quotes, which some servers take for a part of it.
        match form.Headers.ContentType with
        | null -> ()
        | kind ->
            for parameter in kind.Parameters do
                if parameter.Name = "boundary" then
                    parameter.Value <- (nonNull parameter.Value).Trim '"'

        form

    /// A file that may be there already is uploaded again without harm, so nothing stays unknown.
    let private harmless outcome =
        match outcome with
        | OutcomeUnknown reason -> RetryLater(None, reason)
        | outcome -> outcome

    let private fileId root = filled "id" root

    let private refused reason =
        Error(Refused(0, "WhatsApp: " + reason))

    let private sendFrom
        (settings: WhatsAppSettings)
        client
        (file: FileUpload)
        (source: Stream)
        token
        : Task<Result<UploadedFile, SendOutcome>> = task {
        let path = Uri.EscapeDataString settings.PhoneNumberId + "/media"
        let sent: UploadContent option ref = ref None

        let content wentOut =
            let content = new UploadContent(source, file.Size, wentOut)
            sent.Value <- Some content
            form file content

        match! WhatsAppCall.sendLong settings client path content token with
        | Broken _ when sent.Value |> Option.exists _.IsWrongSize ->
            return refused "the file is not as long as it was said to be"
        | Broken(_, reason) ->
            return Error(RetryLater(None, "WhatsApp: the file was not uploaded, " + reason))
        | Answered(status, after, answer) ->
            match if isSuccess status then withJson answer fileId else None with
            | Some id -> return Ok(FileUpload.uploadedAs id file)
            | None -> return Error(harmless (failed status after answer))
    }

    /// Uploads a file for the number of the settings. Only so much of it as a buffer holds is in memory. A file that
    /// is gone, is larger than Meta takes, or is not as long as it was said to be is refused (code 0).
    let send
        (settings: WhatsAppSettings)
        (client: HttpClient)
        (file: FileUpload)
        (token: CancellationToken)
        : Task<Result<UploadedFile, SendOutcome>> = task {
        if file.Size > OutboundLimits.fileBytes then
            return refused $"the file has %d{file.Size} bytes, at most %d{OutboundLimits.fileBytes} are taken"
        else
            let! opened = task {
                try
                    let! source = file.Open token
                    return Ok source
                with
                | :? IOException
                | :? UnauthorizedAccessException -> return Error()
            }

            match opened with
            | Error() -> return Error(RetryLater(None, "WhatsApp: the file cannot be read"))
            | Ok None -> return refused "the file is not kept any more"
            | Ok(Some source) ->
                use source = source
                return! sendFrom settings client file source token
    }
