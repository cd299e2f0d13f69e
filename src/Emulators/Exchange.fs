/// One HTTP request and its answer, as the emulators read and write them, and the guard of the pages and
/// controls that only this machine's own browser and tests may use.
module FunctionalBot.Emulators.Exchange

open System
open System.IO
open System.Net
open System.Text
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators.Json

/// The request's body.
let readBytes (context: HttpContext) : Task<byte array> = task {
    use memory = new MemoryStream()
    do! context.Request.Body.CopyToAsync(memory, context.RequestAborted)
    return memory.ToArray()
}

/// The request's body as UTF-8 text.
let readBody (context: HttpContext) : Task<string> = task {
    let! bytes = readBytes context
    return Encoding.UTF8.GetString bytes
}

/// The first value of a request header, or "" where it is absent.
let header (name: string) (context: HttpContext) : string =
    context.Request.Headers[name].ToString()

/// The last part of the path that the route named, or "".
let routeText (name: string) (context: HttpContext) : string =
    match context.Request.RouteValues[name] with
    | :? string as text -> text
    | _ -> ""

/// Answers with a status, a content type and a body.
let answer (context: HttpContext) (status: int) (contentType: string) (body: string) : Task = task {
    let bytes = Encoding.UTF8.GetBytes body
    context.Response.StatusCode <- status
    context.Response.ContentType <- contentType
    context.Response.ContentLength <- Nullable(int64 bytes.Length)
    do! context.Response.Body.WriteAsync(ReadOnlyMemory bytes, context.RequestAborted)
}

/// Answers with JSON.
let answerJson (context: HttpContext) (status: int) (json: Json) : Task =
    answer context status "application/json; charset=utf-8" (write json)

/// Answers a request of a page or of a test with what is wrong with it.
let answerProblem (context: HttpContext) (status: int) (problem: string) : Task =
    answerJson context status (Fields [ "error", Text problem ])

let private isLoopbackHost (host: string) : bool =
    String.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase)
    || (match IPAddress.TryParse(host.Trim('[', ']')) with
        | true, NonNull address -> IPAddress.IsLoopback address
        | _ -> false)

/// True when the request names this machine as its host and no foreign page sent it. A page of another site
/// that the developer has open could otherwise change or read the emulator (also by a name that resolves to
/// loopback).
let isFromHere (context: HttpContext) : bool =
    let originIsHere =
        match header "Origin" context with
        | "" -> true
        | origin ->
            match Uri.TryCreate(origin, UriKind.Absolute) with
            | true, NonNull address ->
                isLoopbackHost address.Host
                && address.Port = (context.Request.Host.Port |> Option.ofNullable |> Option.defaultValue 80)
            | _ -> false

    // A browser says so itself where it sends no Origin, as for images.
    let crossSite = header "Sec-Fetch-Site" context = "cross-site"
    isLoopbackHost context.Request.Host.Host && originIsHere && not crossSite

/// Runs the handler for requests from this machine and answers 403 to others.
let onlyFromHere (handler: HttpContext -> Task) : RequestDelegate =
    RequestDelegate(fun context ->
        if isFromHere context then
            handler context
        else
            answerProblem
                context
                403
                "Only pages of this emulator and programs of this machine may do that (Host, Origin).")

/// Reads a JSON body and runs the handler with it, or answers 400 and says what is wrong with it. No body
/// counts as an empty object.
let withJsonBody (handler: HttpContext -> Json -> Task) (context: HttpContext) : Task = task {
    let! body = readBytes context

    match
        (if body.Length = 0 then
             Ok(Fields [])
         else
             parseBytes (ReadOnlyMemory body))
    with
    | Ok json -> do! handler context json
    | Error problem -> do! answerProblem context 400 $"The body is not JSON: %s{problem}"
}
