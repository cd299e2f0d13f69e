/// The JSON-RPC protocol of Odoo 14 to 21: `POST /jsonrpc` with a service, a method and positions. It answers
/// 200 whatever happens, with `result` or `error`.
module FunctionalBot.Emulators.Odoo.JsonRpc

open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Records
open FunctionalBot.Emulators.Odoo.Server

let private versionText (server: Server) : string = $"%d{server.Settings.Version}.0"

/// `[19, 0, 0, "final", 0, ""]`.
let versionInfo (server: Server) : Json =
    Items [
        Whole(int64 server.Settings.Version)
        Whole 0L
        Whole 0L
        Text "final"
        Whole 0L
        Text ""
    ]

let private version (server: Server) : Json =
    Fields [
        "server_version", Text(versionText server)
        "server_version_info", versionInfo server
        "server_serie", Text(versionText server)
        "protocol_version", Whole 1L
    ]

let private demandDatabase (server: Server) (name: string) : Outcome<unit> =
    if server.Faults.Down then
        Error {
            Name = "psycopg2.OperationalError"
            Message = "connection to server failed: Connection refused\n"
        }
    elif name <> server.Settings.Database then
        Error {
            Name = "psycopg2.OperationalError"
            Message = $"connection to server failed: FATAL:  database \"%s{name}\" does not exist\n"
        }
    else
        Ok()

let private login (server: Server) (database: string) (user: string) (secret: string) : Outcome<Json> =
    demandDatabase server database
    |> Result.map (fun () ->
        if user = server.Settings.Login && Calls.isSecret server secret true then
            Whole botUser
        else
            Flag false)

/// Puts positions and names together: first the ids, where the method takes any, then the arguments in order.
let private bind (entry: Methods.Method) (name: string) (positions: Json list) (names: (string * Json) list) =
    let ids, positions =
        match entry.OnModel, positions with
        | false, ids :: rest -> Calls.idsOf ids, rest
        | _ -> [], positions

    let parameters = entry.Required @ entry.Optional

    // Up to 16 search() calls its domain `args`.
    let renamed =
        names
        |> List.map (fun (key, value) -> (if key = "args" then "domain" else key), value)

    let arguments =
        List.zip (List.truncate positions.Length parameters) (List.truncate parameters.Length positions)
        @ renamed

    let has argument =
        arguments |> List.exists (fun (key, _) -> key = argument)

    let unknown =
        renamed
        |> List.tryFind (fun (key, _) -> key <> "context" && not (List.contains key parameters))

    match entry.Required |> List.tryFind (has >> not), unknown with
    | _, Some(key, _) -> typeError $"BaseModel.%s{name}() got an unexpected keyword argument '%s{key}'"
    | Some missing, None ->
        typeError $"BaseModel.%s{name}() missing 1 required positional argument: '%s{missing}'"
    | None, None -> Ok(ids, Map.ofList arguments)

/// JSON-RPC gives one id for one dictionary, and up to 18 one id for a message.
let private shaped (server: Server) (name: string) (arguments: Map<string, Json>) (answer: Json) : Json =
    match name, answer with
    | "create", Items [ id ] ->
        match Map.tryFind "vals_list" arguments with
        | Some(Fields _) -> id
        | _ -> answer
    | "message_post", Items [ id ] when server.Settings.Version < 19 -> id
    | _ -> answer

/// A model call with what has to be known before it runs.
let private prepare
    (server: Server)
    (arguments: Json list)
    : Outcome<string * Methods.Method * Methods.Call> = outcome {
    match arguments with
    | Text database :: Whole user :: Text secret :: Text model :: Text name :: rest ->
        do! demandDatabase server database

        if user <> botUser then
            do! missingError "res.users" user user

        if not (Calls.isSecret server secret true) then
            do!
                Error {
                    Name = "odoo.exceptions.AccessDenied"
                    Message = "Access Denied"
                }

        let positions, names =
            match rest with
            | Items positions :: Fields names :: _ -> positions, names
            | Items positions :: _ -> positions, []
            | _ -> [], []

        let requestContext =
            names
            |> List.tryFind (fun (key, _) -> key = "context")
            |> Option.map snd
            |> Option.defaultValue (Fields [])

        let! caller = server.Caller(user, requestContext)

        match Map.tryFind model caller.Models with
        | None -> return! userError $"Object %s{model} doesn't exist"
        | Some found ->
            do! Methods.demandPublic model name

            match Methods.tryMethod found name with
            | None ->
                return!
                    Error {
                        Name = "builtins.AttributeError"
                        Message = $"The method '%s{model}.%s{name}' does not exist"
                    }
            | Some entry ->
                let! ids, given = bind entry name positions names

                return
                    name,
                    entry,
                    {
                        Caller = caller
                        Model = found
                        Ids = ids
                        Arguments = given
                    }
    | _ -> return! typeError "execute_kw() missing required positional arguments"
}

let private executeKw (server: Server) (arguments: Json list) : Task<Outcome<Json> * Delivery> = task {
    match prepare server arguments with
    | Error failure -> return Error failure, Delivered
    | Ok(name, entry, call) ->
        let! result, delivery = Calls.run server name entry call
        return Result.map (shaped server name call.Arguments) result, delivery
}

let private dispatch (server: Server) (parameters: Json) : Task<Outcome<Json> * Delivery> = task {
    let arguments = itemsField "args" parameters
    let service = textField "service" parameters |> Option.defaultValue ""
    let name = textField "method" parameters |> Option.defaultValue ""
    let answered result = result, Delivered

    match service, name, arguments with
    | "common", "version", _ -> return answered (Ok(version server))
    | "common", ("login" | "authenticate"), Text database :: Text user :: Text secret :: _ ->
        return answered (login server database user secret)
    | "object", "execute_kw", _ -> return! executeKw server arguments
    | "object", "execute", database :: user :: secret :: model :: method :: positions ->
        return! executeKw server [ database; user; secret; model; method; Items positions ]
    | ("common" | "object"), _, _ ->
        return
            answered (
                Error {
                    Name = "builtins.Exception"
                    Message = $"Method not found: %s{name}"
                }
            )
    | _ ->
        return
            answered (
                Error {
                    Name = "builtins.KeyError"
                    Message = service
                }
            )
}

/// What the journal keeps: model, method and arguments of a model call, without user and secret.
let private described (parameters: Json) : string * Json =
    let service = textField "service" parameters |> Option.defaultValue ""
    let name = textField "method" parameters |> Option.defaultValue ""

    match service, itemsField "args" parameters with
    | "object", _ :: _ :: _ :: Text model :: Text method :: arguments ->
        $"jsonrpc %s{model}/%s{method}", Items arguments
    | _ -> $"jsonrpc %s{service}.%s{name}", Null

let private execute (server: Server) (context: HttpContext) : Task = task {
    let! body = Exchange.readBody context

    match parse body with
    | Error _ -> do! Exchange.answer context 400 "text/html; charset=utf-8" "Invalid JSON data"
    | Ok request ->
        let parameters = field "params" request |> Option.defaultValue (Fields [])
        let operation, arguments = described parameters
        let! result, delivery = dispatch server parameters
        let id = field "id" request |> Option.defaultValue Null

        let envelope name value =
            Fields [ "jsonrpc", Text "2.0"; "id", id; name, value ]

        match result, delivery with
        | _, Lost ->
            Calls.note server operation arguments 0 None
            context.Abort()
        | Ok answer, Delivered ->
            Calls.note server operation arguments 200 None
            do! Exchange.answerJson context 200 (envelope "result" answer)
        | Error failure, Delivered ->
            Calls.note server operation arguments 200 (Some failure)

            let error =
                Fields [
                    "code", Whole(if server.Settings.Version >= 19 then 0L else 200L)
                    "message", Text "Odoo Server Error"
                    "data", Calls.errorJson failure [ Text failure.Message ]
                ]

            do! Exchange.answerJson context 200 (envelope "error" error)
}

/// Answers a JSON-RPC call.
let handle (server: Server) (context: HttpContext) : Task =
    Calls.withFaults server "jsonrpc" (execute server) context
