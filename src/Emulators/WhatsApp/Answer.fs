namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Collections.Generic
open System.IO
open System.Text
open System.Threading.Tasks
open Microsoft.AspNetCore.Http

/// A request that the Graph API has got, for tests to look at.
type Request = {
    Method: string
    /// Path and query.
    Path: string
    /// The body, when it is JSON.
    Body: Json option
    /// The status that it was answered with; 0 when the connection was cut before.
    Status: int
    At: DateTimeOffset
}

/// The last requests of the Graph API.
[<Sealed>]
type RequestLog(limit: int) =
    let gate = obj ()
    let kept = Queue<Request>()

    /// Keeps a request, and forgets the oldest one when there are too many.
    member _.Add request =
        lock gate (fun () ->
            kept.Enqueue request

            if kept.Count > limit then
                kept.Dequeue() |> ignore)

    /// The requests, oldest first.
    member _.All = lock gate (fun () -> List.ofSeq kept)

    /// Forgets all.
    member _.Clear() = lock gate kept.Clear

/// How every endpoint reads a body and writes an answer.
[<RequireQualifiedAccess>]
module Answer =

    /// The whole body.
    let bytes (context: HttpContext) : Task<byte array> = task {
        use memory = new MemoryStream()
        do! context.Request.Body.CopyToAsync memory
        return memory.ToArray()
    }

    /// Answers with JSON.
    let json (context: HttpContext) (status: int) value : Task = task {
        context.Response.StatusCode <- status
        context.Response.ContentType <- "application/json; charset=UTF-8"
        let body = Encoding.UTF8.GetBytes(Json.write value)
        context.Response.ContentLength <- Nullable(int64 body.Length)
        do! context.Response.Body.WriteAsync(ReadOnlyMemory body)
    }

    /// Answers with an error of the Graph API.
    let graphError (context: HttpContext) (error: GraphError) : Task =
        if error.Code = 190 then
            context.Response.Headers.WWWAuthenticate <-
                "OAuth \"Facebook Platform\" \"invalid_token\" \"Invalid OAuth access token.\""

        json context error.Status (GraphError.toJson error)

    /// Answers with a file, which a browser must not take for anything else. Players may ask for a part of it:
    /// without that they cannot tell how long a voice note is.
    let file (context: HttpContext) (contentType: string) (body: byte array) : Task =
        context.Response.Headers["X-Content-Type-Options"] <- "nosniff"
        Results.Bytes(body, contentType, enableRangeProcessing = true).ExecuteAsync context
