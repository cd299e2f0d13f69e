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

/// The request's body as UTF-8 text.
let readBody (context: HttpContext) : Task<string> = task {
    use reader = new StreamReader(context.Request.Body, UTF8Encoding false)
    return! reader.ReadToEndAsync context.RequestAborted
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

    isLoopbackHost context.Request.Host.Host && originIsHere

/// Runs the handler for requests from this machine and answers 403 to others.
let onlyFromHere (handler: HttpContext -> Task) : RequestDelegate =
    RequestDelegate(fun context ->
        if isFromHere context then
            handler context
        else
            answerJson
                context
                403
                (Fields [ "error", Text "Only pages of this emulator on this machine may do that." ]))

/// Reads a JSON body and runs the handler with it, or answers 400 and says what is wrong with it.
let withJsonBody (handler: HttpContext -> Json -> Task) (context: HttpContext) : Task = task {
    let! body = readBody context

    match parse body with
    | Ok json -> do! handler context json
    | Error problem ->
        do! answerJson context 400 (Fields [ "error", Text $"The body is not JSON: %s{problem}" ])
}
