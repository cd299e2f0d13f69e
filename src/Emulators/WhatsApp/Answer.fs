namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// A request that the Graph API has got, for tests to look at.
type Request = {
    Method: string
    /// Path and query.
    Path: string
    /// The body, when it is JSON.
    Body: Json.Json option
    /// The status that it was answered with; 0 when the connection was cut before.
    Status: int
    At: DateTimeOffset
}

/// How every endpoint writes an answer.
[<RequireQualifiedAccess>]
module Answer =

    /// Answers with JSON, its content type in Meta's spelling.
    let json (context: HttpContext) (status: int) (value: Json.Json) : Task =
        Exchange.answer context status "application/json; charset=UTF-8" (Json.write value)

    /// Answers with an error of the Graph API.
    let graphError (context: HttpContext) (error: GraphError) : Task =
        if error.Code = 190 then
            context.Response.Headers.WWWAuthenticate <-
                "OAuth \"Facebook Platform\" \"invalid_token\" \"Invalid OAuth access token.\""

        json context error.Status (GraphError.toJson error)

    /// Answers with a file, which a browser must not take for anything else, and in which nothing runs where it
    /// is opened alone. Players may ask for a part of it: without that they cannot tell how long a voice note is.
    let file (context: HttpContext) (contentType: string) (body: byte array) : Task =
        context.Response.Headers.ContentSecurityPolicy <- "default-src 'none'; sandbox"
        context.Response.Headers["X-Content-Type-Options"] <- "nosniff"
        Results.Bytes(body, contentType, enableRangeProcessing = true).ExecuteAsync context
