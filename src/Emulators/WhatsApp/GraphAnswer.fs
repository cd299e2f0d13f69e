namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Text
open System.Text.RegularExpressions
open System.Security.Cryptography
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// What the Graph API's endpoints work on.
[<NoComparison; NoEquality>]
type Graph = {
    Settings: Settings
    Business: Business
    Faults: FaultSwitches
    Media: MediaStore
    Log: Journal.Newest<Request>
    Live: Live
    Sender: WebhookSender
    Account: Account
    Now: unit -> DateTimeOffset
    /// Asks the webhook at an address to prove that it knows the verify token.
    Verify: Uri -> string -> Task<Result<unit, string>>
}

/// What every endpoint of the Graph API does: asking for the token, answering, and keeping the request.
[<RequireQualifiedAccess>]
module GraphAnswer =

    let private proof token (secret: string) =
        HMACSHA256.HashData(Encoding.UTF8.GetBytes secret, Encoding.UTF8.GetBytes(token: string))
        |> Convert.ToHexStringLower

    /// The token that the request carries, or "".
    let token (context: HttpContext) =
        match string context.Request.Headers.Authorization with
        | header when header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ->
            header.Substring(7).Trim()
        | _ -> string context.Request.Query["access_token"]

    /// The token that counts now.
    let accepted (api: Graph) =
        api.Faults.Current.AccessToken |> Option.defaultValue api.Settings.AccessToken

    /// Whether the request carries the right token (and the right proof of the secret, if it carries one).
    let authorize api (context: HttpContext) =
        let given = token context
        let proven = string context.Request.Query["appsecret_proof"]

        if given <> accepted api then
            Error GraphError.unauthorized
        elif proven <> "" && proven <> proof given api.Settings.AppSecret then
            Error {
                GraphError.create 100 "The application's secret does not fit." with
                    Title = "Invalid appsecret_proof provided in the API argument"
            }
        else
            Ok()

    /// The query without the values that prove who asks.
    let private withoutSecrets (query: string) =
        Regex.Replace(query, @"((?:access_token|appsecret_proof|input_token)=)[^&]*", "$1***")

    /// Keeps the request in the journal with the status that it is answered with.
    let log api (context: HttpContext) body status =
        api.Log.Add {
            Method = context.Request.Method
            Path = $"%s{string context.Request.Path}%s{withoutSecrets (string context.Request.QueryString)}"
            Body = body
            Status = status
            At = api.Now()
        }

        api.Live.Publish("request", Json.Fields [])

    /// Answers with an error, and keeps the request.
    let problem api context body (error: GraphError) =
        log api context body error.Status
        Answer.graphError context error

    /// Answers 200, and keeps the request.
    let ok api context body value =
        log api context body 200
        Answer.json context 200 value

    /// The body's fields, from JSON or from a form; no field when it is neither. A journal may show them.
    let readFields (context: HttpContext) : Task<Json.Json> = task {
        if context.Request.HasFormContentType then
            let! form = context.Request.ReadFormAsync()
            return Json.Fields [ for pair in form -> pair.Key, Json.Text(string pair.Value) ]
        else
            let! bytes = Exchange.readBytes context

            return
                match Json.parseBytes (ReadOnlyMemory bytes) with
                | Ok(Json.Fields _ as body) -> body
                | _ -> Json.Fields []
    }

    /// Runs the handler with the fields and files of a multipart request, or answers that it must be one.
    let withForm api (context: HttpContext) (handler: IFormCollection -> Task) : Task = task {
        if context.Request.HasFormContentType then
            let! form = context.Request.ReadFormAsync()
            do! handler form
        else
            do! problem api context None (GraphError.create 100 "The request must be multipart/form-data.")
    }

    /// `{"success": true}`.
    let success = Json.Fields [ "success", Json.Flag true ]
