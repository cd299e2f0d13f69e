/// Reading what Meta posts to a door that is open to everybody: no more than so many bytes, and nothing that is not
/// signed with one of the app's secrets.
module FunctionalBot.Web.SignedBody

open System
open System.Buffers
open System.IO
open System.Text
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Effects

/// What came with a request.
type SignedBody =
    | Signed of byte[]
    /// The signature is missing, or is none of ours.
    | NotSigned
    /// The body is larger than is taken.
    | TooLarge

/// Ends a request with a status and plain text.
let answer (context: HttpContext) (status: int) (text: string) : Task =
    context.Response.StatusCode <- status
    context.Response.ContentType <- "text/plain; charset=utf-8"
    context.Response.WriteAsync text

/// The body, or None when it is larger than so many bytes.
let private readBody (limit: int) (context: HttpContext) : Task<byte[] option> = task {
    try
        let length = context.Request.ContentLength

        if length.HasValue && length.Value > int64 limit then
            return None
        else
            // What a caller says of the length is believed once it has come: nobody is verified yet.
            let expected = if length.HasValue then int length.Value else 4096
            use buffer = new MemoryStream(min expected 65_536)
            let chunk = ArrayPool<byte>.Shared.Rent 16384

            try
                let mutable tooLong = false
                let mutable finished = false

                while not finished do
                    let! count =
                        context.Request.Body.ReadAsync(Memory<byte> chunk, context.RequestAborted)

                    buffer.Write(chunk, 0, count)
                    tooLong <- buffer.Length > int64 limit
                    finished <- count = 0 || tooLong

                return if tooLong then None else Some(buffer.ToArray())
            finally
                ArrayPool<byte>.Shared.Return chunk
    with :? BadHttpRequestException as tooLarge when tooLarge.StatusCode = 413 ->
        return None
}

/// Reads bodies of up to `limit` bytes that are signed with one of these secrets. What has no signature at all is not
/// read.
let reader (appSecrets: string list) (limit: int) : HttpContext -> Task<SignedBody> =
    let secrets = appSecrets |> List.map Encoding.UTF8.GetBytes

    fun context -> task {
        let header = context.Request.Headers["X-Hub-Signature-256"].ToString()

        if header = "" then
            return NotSigned
        else
            match! readBody limit context with
            | None -> return TooLarge
            | Some body when WhatsAppSignature.verify secrets header (ReadOnlyMemory body) ->
                return Signed body
            | Some _ -> return NotSigned
    }
