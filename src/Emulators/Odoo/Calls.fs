/// One call from either protocol on its way through the emulated Odoo: arguments, transaction, journal.
module FunctionalBot.Emulators.Odoo.Calls

open System
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Server

/// Whether a key, or where allowed the password, is the bot's.
let isSecret (server: Server) (secret: string) (passwordToo: bool) : bool =
    not server.Faults.RefuseKeys
    && (List.contains secret server.Settings.ApiKeys
        || (passwordToo && secret = server.Settings.Password))

/// The ids of an argument, which may be one id or a list.
let idsOf (json: Json) : int64 list =
    match json with
    | Whole id -> [ id ]
    | Items items -> [
        for item in items do
            match item with
            | Whole id -> id
            | _ -> ()
      ]
    | _ -> []

/// Runs a method of a model in a transaction.
let run
    (server: Server)
    (methodName: string)
    (entry: Methods.Method)
    (call: Methods.Call)
    : Task<Outcome<Json> * Delivery> =
    let work = entry.Run call

    match methodName, Map.tryFind "fields" call.Arguments, Map.tryFind "data" call.Arguments with
    | "load", Some(Items fields), Some(Items rows) ->
        let names =
            fields
            |> List.map (fun field ->
                match field with
                | Text name -> name
                | _ -> "")

        server.Load(Import.externalIds names rows, work)
    | _ -> Task.FromResult(server.Transaction work)

/// Writes the call into the journal. `status` 0 says that the answer was lost.
let note
    (server: Server)
    (operation: string)
    (arguments: Json)
    (status: int)
    (problem: Failure option)
    : unit =
    server.Journal.Add {
        At = server.Settings.Clock.GetUtcNow()
        Operation = operation
        Arguments = arguments
        Status = status
        Error = problem |> Option.map (fun failure -> failure.Name) |> Option.defaultValue ""
    }

/// An error object of both protocols. The traceback is invented, its shape is not.
let errorJson (failure: Failure) (arguments: Json list) : Json =
    Fields [
        "name", Text failure.Name
        "message", Text failure.Message
        "arguments", Items arguments
        "context", Fields []
        "debug",
        Text $"Traceback (most recent call last):\n  (emulated)\n%s{failure.Name}: %s{failure.Message}\n"
    ]

/// Applies the faults that hit every request, then the handler: slowness, a proxy's error page.
let withFaults
    (server: Server)
    (operation: string)
    (handler: HttpContext -> Task)
    (context: HttpContext)
    : Task = task {
    let slowBy = server.Faults.SlowBy

    if slowBy > TimeSpan.Zero then
        do! Task.Delay(slowBy, server.Settings.Clock, context.RequestAborted)

    match server.TakeFailure() with
    | Some status ->
        note server operation Null status None

        do!
            Exchange.answer
                context
                status
                "text/html"
                $"<html><head><title>%d{status}</title></head><body><h1>%d{status}</h1></body></html>"
    | None -> do! handler context
}
