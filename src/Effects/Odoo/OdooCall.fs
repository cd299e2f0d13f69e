namespace FunctionalBot.Effects.OdooAdapter

open System
open System.Net.Http
open System.Text.Json
open System.Threading
open System.Threading.Tasks

/// What a method is called on.
type OdooTarget =
    | OnModel
    | OnRecords of int64 list

/// Calls methods of Odoo's models, over whichever protocol the server speaks.
[<NoComparison; NoEquality>]
type OdooCaller = {
    Settings: OdooSettings
    /// Odoo's major version, 14 and up.
    Version: CancellationToken -> OdooAnswer<int>
    /// The protocol in use, never Detect.
    Protocol: CancellationToken -> OdooAnswer<OdooProtocol>
    /// model, method, target, named arguments.
    Call:
        string
            -> string
            -> OdooTarget
            -> (string * OdooValue) list
            -> CancellationToken
            -> OdooAnswer<JsonElement>
    /// model, values of one new record; `FileContent` among them stands for the file's bytes.
    CreateWithFile:
        string -> (string * OdooValue) list -> OdooFile -> CancellationToken -> OdooAnswer<JsonElement>
}

/// Building a caller.
module OdooCaller =

    /// What is known once the server has answered.
    type private Connection = {
        Major: int
        Speaks: OdooProtocol
        /// The user's database id, which JSON-RPC wants with each call.
        UserId: int64 option
    }

    let private json2 settings client model method target arguments file cancelled = odoo {
        let ids =
            match target with
            | OnModel -> []
            | OnRecords ids -> [ "ids", Items(List.map Number ids) ]

        let! page =
            OdooHttp.post
                settings
                client
                $"json/2/%s{model}/%s{method}"
                (Named(ids @ arguments))
                file
                true
                cancelled

        return!
            match page.Json with
            | Some json when page.Status = 200 -> Task.FromResult(Ok json)
            | Some json -> Task.FromResult(Error(OdooFailures.ofJson page.Status json page.After))
            | None -> Task.FromResult(Error(OdooFailures.ofPage page.Status page.ContentType page.After))
    }

    let private rpc settings client service method (arguments: OdooValue list) file cancelled = odoo {
        let body =
            Named [
                "jsonrpc", Text "2.0"
                "method", Text "call"
                "id", Number 1L
                "params", Named [ "service", Text service; "method", Text method; "args", Items arguments ]
            ]

        let! page = OdooHttp.post settings client "jsonrpc" body file false cancelled

        return!
            match page.Json with
            | None -> Task.FromResult(Error(OdooFailures.ofPage page.Status page.ContentType page.After))
            | Some json ->
                match OdooValue.property "error" json, json.TryGetProperty "result" with
                | Some error, _ ->
                    let data = OdooValue.property "data" error |> Option.defaultValue error
                    Task.FromResult(Error(OdooFailures.ofJson page.Status data page.After))
                | None, (true, result) -> Task.FromResult(Ok result)
                | None, _ -> Task.FromResult(Error(OdooFailures.unexpected "without a result"))
    }

    /// The major version out of [19, 0, …] or, on Odoo Online, ["saas~18", 2, …].
    let private majorOf (name: string) (json: JsonElement) : int option =
        match OdooValue.property name json |> Option.map OdooValue.items with
        | Some(first :: _) ->
            let digits =
                string first
                |> Seq.filter Char.IsAsciiDigit
                |> Seq.truncate 2
                |> Seq.toArray
                |> String

            match Int32.TryParse digits with
            | true, major -> Some major
            | _ -> None
        | _ -> None

    // GET /web/version exists from 19 on; common.version everywhere until Odoo 22.
    let private version settings client cancelled : OdooAnswer<int> = task {
        use request =
            new HttpRequestMessage(HttpMethod.Get, OdooHttp.at settings "web/version")

        match! OdooHttp.send settings client request cancelled with
        | Error failure -> return Error failure
        | Ok page ->
            match page.Json |> Option.bind (majorOf "version_info") with
            | Some major -> return Ok major
            | None ->
                match! rpc settings client "common" "version" [] None cancelled with
                | Error failure -> return Error failure
                | Ok json ->
                    match majorOf "server_version_info" json with
                    | Some major -> return Ok major
                    | None -> return Error(OdooFailures.unexpected "without a version")
    }

    let private login settings client cancelled : OdooAnswer<int64> = odoo {
        let arguments = [ Text settings.Database; Text settings.User; Text settings.ApiKey ]
        let! answer = rpc settings client "common" "login" arguments None cancelled

        return!
            match OdooValue.number answer with
            | Some id -> Task.FromResult(Ok id)
            | None -> Task.FromResult(Error(OdooFailures.ofException 200 "AccessDenied" "login failed" None))
    }

    let private connect settings client cancelled : OdooAnswer<Connection> = odoo {
        let! major = version settings client cancelled

        let speaks =
            match settings.Protocol with
            | Detect -> if major >= 19 then Json2 else JsonRpc
            | chosen -> chosen

        let! user =
            match speaks with
            | JsonRpc -> odoo {
                let! id = login settings client cancelled
                return Some id
              }
            | Json2
            | Detect -> Task.FromResult(Ok None)

        return {
            Major = major
            Speaks = speaks
            UserId = user
        }
    }

    /// A caller that finds out version, protocol and user with its first call and remembers them. Nothing
    /// it returns is an exception but the cancelling of the caller's own token.
    let create (settings: OdooSettings) (client: HttpClient) : OdooCaller =
        let gate = new SemaphoreSlim(1, 1)
        let mutable known: Connection option = None

        let connected (cancelled: CancellationToken) : OdooAnswer<Connection> = task {
            match known with
            | Some connection -> return Ok connection
            | None ->
                do! gate.WaitAsync cancelled

                try
                    match known with
                    | Some connection -> return Ok connection
                    | None ->
                        let! found = connect settings client cancelled
                        known <- Result.toOption found
                        return found
                finally
                    gate.Release() |> ignore
        }

        let execute user model method (positional: OdooValue list) arguments file cancelled = task {
            let! answer =
                rpc
                    settings
                    client
                    "object"
                    "execute_kw"
                    [
                        Text settings.Database
                        Number user
                        Text settings.ApiKey
                        Text model
                        Text method
                        Items positional
                        Named arguments
                    ]
                    file
                    cancelled

            match answer with
            | Error failure when failure.Name.EndsWith("AccessDenied", StringComparison.Ordinal) ->
                // The user may have been made anew with another id; the next call logs in again.
                known <- None
            | _ -> ()

            return answer
        }

        let call model method target arguments cancelled : OdooAnswer<JsonElement> = task {
            match! connected cancelled with
            | Error failure -> return Error failure
            | Ok { Speaks = JsonRpc; UserId = Some user } ->
                let positional =
                    match target with
                    | OnModel -> []
                    | OnRecords ids -> [ Items(List.map Number ids) ]

                return! execute user model method positional arguments None cancelled
            | Ok _ -> return! json2 settings client model method target arguments None cancelled
        }

        let createWithFile model values file cancelled : OdooAnswer<JsonElement> = task {
            match! connected cancelled with
            | Error failure -> return Error failure
            | Ok { Speaks = JsonRpc; UserId = Some user } ->
                // Odoo looks at the values before it knows them by name.
                return! execute user model "create" [ Items [ Named values ] ] [] (Some file) cancelled
            | Ok _ ->
                let arguments = [ "vals_list", Items [ Named values ] ]
                return! json2 settings client model "create" OnModel arguments (Some file) cancelled
        }

        {
            Settings = settings
            Version =
                fun cancelled -> odoo {
                    let! connection = connected cancelled
                    return connection.Major
                }
            Protocol =
                fun cancelled -> odoo {
                    let! connection = connected cancelled
                    return connection.Speaks
                }
            Call = call
            CreateWithFile = createWithFile
        }
