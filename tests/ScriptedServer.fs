/// A server on loopback that answers as a test tells it and remembers what it was asked.
module FunctionalBot.Tests.ScriptedServer

open System
open System.Collections.Concurrent
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// One request as it came.
type Asked = {
    Method: string
    Path: string
    /// With its "?"; empty where there is none.
    Query: string
    /// Names in lower case.
    Headers: Map<string, string>
    Body: string
}

/// What is answered.
type Answer =
    | Reply of status: int * contentType: string * headers: (string * string) list * body: string
    /// The connection is cut without an answer.
    | Cut
    /// The connection is cut after this beginning of an answer with HTTP 200.
    | CutWithin of beginning: string
    /// No answer comes for as long as the caller waits.
    | Silence

/// A JSON answer with HTTP 200.
let json (body: string) =
    Reply(200, "application/json", [], body)

/// A JSON answer with this status.
let failure (status: int) (body: string) =
    Reply(status, "application/json", [], body)

/// A server, its address, and what it was asked so far, oldest first.
[<NoComparison; NoEquality>]
type Server = {
    Address: Uri
    Asked: unit -> Asked list
    Stop: unit -> Task
}

/// Starts a server whose answers the function decides.
let start (decide: Asked -> Answer) : Task<Server> = task {
    let journal = ConcurrentQueue<Asked>()

    let handle (context: HttpContext) : Task = task {
        let! body = Exchange.readBody context

        let asked = {
            Method = context.Request.Method
            Path = string context.Request.Path
            Query = string context.Request.QueryString
            Headers =
                context.Request.Headers
                |> Seq.map (fun header -> header.Key.ToLowerInvariant(), string header.Value)
                |> Map.ofSeq
            Body = body
        }

        journal.Enqueue asked

        match decide asked with
        | Cut -> context.Abort()
        | CutWithin beginning ->
            context.Response.ContentLength <- int64 beginning.Length + 500L
            do! context.Response.WriteAsync beginning
            do! context.Response.Body.FlushAsync()
            context.Abort()
        | Silence ->
            try
                do! Task.Delay(-1, context.RequestAborted)
            with :? OperationCanceledException ->
                ()
        | Reply(status, contentType, headers, body) ->
            context.Response.StatusCode <- status
            context.Response.ContentType <- contentType

            for name, value in headers do
                context.Response.Headers[name] <- value

            do! context.Response.WriteAsync body
    }

    let! running =
        Hosting.start 0 10_000_000L (fun app -> app.Run(RequestDelegate(fun context -> handle context)))

    return {
        Address = running.Address
        Asked = fun () -> List.ofSeq journal
        Stop = running.Stop
    }
}

/// Runs a test against a server and stops the server after it.
let using (decide: Asked -> Answer) (test: Server -> Task) : Task = task {
    let! server = start decide

    try
        do! test server
    finally
        server.Stop().Wait()
}
