/// The JSON-2 protocol of Odoo 19 and later: `POST /json/2/<model>/<method>` with a bearer key, named
/// arguments and bare results. Statuses and bodies as an Odoo 19 gave them.
module FunctionalBot.Emulators.Odoo.Json2

open System
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Records
open FunctionalBot.Emulators.Odoo.Server

/// The page of an Odoo that cannot reach its database: not JSON, and worth trying again although it is a 404.
let noDatabasePage =
    "<!DOCTYPE html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>No database is selected "
    + "and the requested URL was not found in the server-wide controllers.</p>\n"
    + "<p>Please verify the hostname, "
    + "<a href=/web/login>login</a> and try again.</p>\n"

let private wrongTypePage =
    "<!doctype html>\n<html lang=en>\n<title>415 Unsupported Media Type</title>\n"
    + "<h1>Unsupported Media Type</h1>\n<p>Please verify the Content-Type request header and try again.</p>\n"

let private authenticate (server: Server) (context: HttpContext) : Outcome<unit> =
    let authorization = Exchange.header "Authorization" context

    if not (authorization.StartsWith("bearer ", StringComparison.OrdinalIgnoreCase)) then
        unauthorized "User not authenticated, use an API Key with a Bearer Authorization header."
    elif Calls.isSecret server (authorization.Substring(7).Trim()) false then
        Ok()
    else
        unauthorized "Invalid apikey"

/// The arguments of the body; anything but an object counts as none, as in Odoo.
let private parseBody (body: string) : Outcome<(string * Json) list> =
    match parse (if body = "" then "{}" else body) with
    | Ok(Fields arguments) -> Ok arguments
    | Ok _ -> Ok []
    | Error problem -> badRequest $"could not parse the body as json: %s{problem}"

let private checkArguments
    (entry: Methods.Method)
    (model: string)
    (name: string)
    (arguments: (string * Json) list)
    =
    let allowed = [ "ids"; "context" ] @ entry.Required @ entry.Optional

    let has argument =
        arguments |> List.exists (fun (key, _) -> key = argument)

    let ids = arguments |> List.tryFind (fun (key, _) -> key = "ids") |> Option.map snd

    let unknown =
        arguments |> List.tryFind (fun (key, _) -> not (List.contains key allowed))

    match entry.Required |> List.tryFind (has >> not), unknown with
    | _ when entry.OnModel && ids |> Option.exists isTruthy ->
        unprocessable $"cannot call %s{model}.%s{name} with ids"
    | Some missing, _ -> unprocessable $"missing a required argument: '%s{missing}'"
    | None, Some(key, _) -> unprocessable $"got an unexpected keyword argument '%s{key}'"
    | None, None -> Ok()

/// Finds what is called, with the failures of a call that does not get as far as a transaction.
let private prepare
    (server: Server)
    (context: HttpContext)
    model
    name
    body
    : Outcome<Methods.Method * Methods.Call> = outcome {
    do! authenticate server context
    let! arguments = parseBody body

    let requestContext =
        arguments
        |> List.tryFind (fun (key, _) -> key = "context")
        |> Option.map snd
        |> Option.defaultValue (Fields [])

    let! caller = server.Caller(botUser, requestContext)
    let! found = modelOf caller model
    do! Methods.demandPublic model name

    match Methods.tryMethod found name with
    | None -> return! notFound $"The method '%s{model}.%s{name}' does not exist"
    | Some entry ->
        do! checkArguments entry model name arguments

        return
            entry,
            {
                Caller = caller
                Model = found
                Ids =
                    arguments
                    |> List.tryFind (fun (key, _) -> key = "ids")
                    |> Option.map (snd >> Calls.idsOf)
                    |> Option.defaultValue []
                Arguments = Map.ofList arguments
            }
}

let private answerFailure (context: HttpContext) (failure: Failure) : Task =
    let status = statusOf failure

    if status = 401 then
        context.Response.Headers["WWW-Authenticate"] <- "Bearer"

    // werkzeug's exceptions carry their status as a second argument.
    let arguments =
        if failure.Name.StartsWith("werkzeug.", StringComparison.Ordinal) then
            [ Text failure.Message; Whole(int64 status) ]
        else
            [ Text failure.Message ]

    Exchange.answerJson context status (Calls.errorJson failure arguments)

let private isJson (context: HttpContext) : bool =
    match context.Request.ContentType with
    | null -> false
    | contentType -> contentType.StartsWith("application/json", StringComparison.OrdinalIgnoreCase)

let private execute (server: Server) (context: HttpContext) : Task = task {
    let model, name =
        Exchange.routeText "model" context, Exchange.routeText "method" context

    let operation = $"json2 %s{model}/%s{name}"
    let wanted = Exchange.header "X-Odoo-Database" context
    let! body = Exchange.readBody context

    let arguments =
        match parse body with
        | Ok json -> json
        | Error _ -> Text body

    let note = Calls.note server operation arguments

    if server.Faults.Down || (wanted <> "" && wanted <> server.Settings.Database) then
        note 404 None
        do! Exchange.answer context 404 "text/html; charset=utf-8" noDatabasePage
    elif not (isJson context) then
        note 415 None
        do! Exchange.answer context 415 "text/html; charset=utf-8" wrongTypePage
    else
        let! result, delivery = task {
            match prepare server context model name body with
            | Error failure -> return Error failure, Delivered
            | Ok(entry, call) -> return! Calls.run server name entry call
        }

        match result, delivery with
        | _, Lost ->
            note 0 None
            context.Abort()
        | Ok answer, Delivered ->
            note 200 None
            do! Exchange.answerJson context 200 answer
        | Error failure, Delivered ->
            note (statusOf failure) (Some failure)
            do! answerFailure context failure
}

/// Answers a JSON-2 call. Below version 19 the address does not exist.
let handle (server: Server) (context: HttpContext) : Task =
    if server.Settings.Version < 19 then
        Exchange.answer
            context
            404
            "text/html; charset=utf-8"
            "<!doctype html>\n<title>404 Not Found</title>\n"
    elif context.Request.Method <> "POST" then
        answerFailure context {
            Name = "werkzeug.exceptions.NotFound"
            Message = "Did you mean POST /json/2/<model>/<method>?"
        }
    else
        Calls.withFaults server "json2" (execute server) context
