namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Net
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
    Now: unit -> DateTimeOffset
    /// Asks the webhook at an address to prove that it knows the verify token.
    Verify: Uri -> string -> Task<Result<unit, string>>
}

/// The objects of the Graph API that a bot or a check of its set-up reads: number, account, token, media.
[<RequireQualifiedAccess>]
module GraphObjects =

    let private proof token (secret: string) =
        HMACSHA256.HashData(Encoding.UTF8.GetBytes secret, Encoding.UTF8.GetBytes(token: string))
        |> Convert.ToHexStringLower

    let private token (context: HttpContext) =
        match string context.Request.Headers.Authorization with
        | header when header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ->
            header.Substring(7).Trim()
        | _ -> string context.Request.Query["access_token"]

    /// Whether the request carries the right token (and the right proof of the secret, if it carries one).
    let authorize api (context: HttpContext) =
        let given = token context
        let proven = string context.Request.Query["appsecret_proof"]

        if given <> api.Settings.AccessToken then
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

    /// `{"success": true}`.
    let success = Json.Fields [ "success", Json.Flag true ]

    let private upload api (context: HttpContext) : Task = task {
        if not context.Request.HasFormContentType then
            do! problem api context None (GraphError.create 100 "The request must be multipart/form-data.")
        else
            let! form = context.Request.ReadFormAsync()

            match string form["messaging_product"], Seq.tryHead form.Files with
            | "whatsapp", Some file ->
                use memory = new IO.MemoryStream()
                do! file.CopyToAsync memory

                let contentType =
                    match string form["type"] with
                    | "" -> string file.ContentType
                    | given -> given

                let id =
                    api.Media.Add {
                        ContentType = contentType
                        Name = Some file.FileName
                        Bytes = memory.ToArray()
                    }

                do! ok api context None (Json.Fields [ "id", Json.Text id ])
            | "whatsapp", None -> do! problem api context None (GraphError.missing "file")
            | _ -> do! problem api context None (GraphError.missing "messaging_product")
    }

    let private phoneFields (settings: Settings) = [
        "id", Json.Text settings.PhoneNumberId
        "display_phone_number", Json.Text $"+%s{settings.BusinessNumber}"
        "verified_name", Json.Text settings.BusinessName
        "quality_rating", Json.Text "GREEN"
        "code_verification_status", Json.Text "VERIFIED"
        "name_status", Json.Text "APPROVED"
        "platform_type", Json.Text "CLOUD_API"
        "status", Json.Text "CONNECTED"
        "account_mode", Json.Text "SANDBOX"
        "is_official_business_account", Json.Flag false
        "messaging_limit_tier", Json.Text "TIER_250"
        "throughput", Json.Fields [ "level", Json.Text "STANDARD" ]
    ]

    // Asked for by name, or the first ones; the id is always there.
    let private select (context: HttpContext) all usual =
        let asked =
            match string context.Request.Query["fields"] with
            | "" -> usual
            | names -> names.Split(',', StringSplitOptions.TrimEntries) |> List.ofArray

        match
            asked
            |> List.tryFind (fun name -> not (List.exists (fun (known, _) -> known = name) all))
        with
        | Some unknown ->
            Error {
                GraphError.create 100 "" with
                    Title = $"(#100) Tried accessing nonexisting field (%s{unknown})"
                    Details = None
            }
        | None ->
            Ok(Json.Fields(all |> List.filter (fun (name, _) -> name = "id" || List.contains name asked)))

    let private application settings =
        Json.Fields [
            "whatsapp_business_api_data",
            Json.Fields [
                "id", Json.Text settings.ApplicationId
                "name", Json.Text "Emulador"
                "link", Json.Text $"https://www.facebook.com/games/?app_id=%s{settings.ApplicationId}"
            ]
        ]

    let private debugToken api (context: HttpContext) =
        let valid = string context.Request.Query["input_token"] = api.Settings.AccessToken

        let scopes =
            [ "whatsapp_business_management"; "whatsapp_business_messaging" ]
            |> List.map Json.Text

        let facts =
            if valid then
                [
                    "app_id", Json.Text api.Settings.ApplicationId
                    "type", Json.Text "SYSTEM_USER"
                    "application", Json.Text "Emulador"
                    "data_access_expires_at", Json.Whole 0
                    "expires_at", Json.Whole 0
                    "is_valid", Json.Flag true
                    "scopes", Json.Items scopes
                ]
            else
                [
                    "error",
                    Json.Fields [ "code", Json.Whole 190; "message", Json.Text "Invalid OAuth access token." ]
                    "is_valid", Json.Flag false
                    "scopes", Json.Items []
                ]

        ok api context None (Json.Fields [ "data", Json.Fields facts ])

    let private subscribe api (context: HttpContext) : Task = task {
        let! bytes = Exchange.readBytes context

        let body =
            Json.parseBytes (ReadOnlyMemory bytes) |> Result.defaultValue (Json.Fields [])

        let verifyToken = Json.textAt [ "verify_token" ] body |> Option.defaultValue ""

        match Json.textAt [ "override_callback_uri" ] body with
        | None -> do! ok api context (Some body) success
        | Some address ->
            match WebAddress.tryRead address with
            | Some uri ->
                match! api.Verify uri verifyToken with
                | Ok() ->
                    api.Sender.SetUrl uri
                    do! ok api context (Some body) success
                | Error text ->
                    let error = GraphError.create 2200 $"Callback verification failed: %s{text}"
                    do! problem api context (Some body) error
            | None ->
                do!
                    problem
                        api
                        context
                        (Some body)
                        (GraphError.invalid "override_callback_uri is no address.")
    }

    let private mediaFacts api (context: HttpContext) id (file: MediaFile) =
        let host = $"%s{context.Request.Scheme}://%s{string context.Request.Host}"

        Json.Fields [
            "url", Json.Text(host + api.Media.PathOf id)
            "mime_type", Json.Text file.ContentType
            "sha256", Json.Text(Convert.ToHexStringLower(SHA256.HashData file.Bytes))
            "file_size", Json.Whole file.Bytes.Length
            "id", Json.Text id
            "messaging_product", Json.Text "whatsapp"
        ]

    let private object api (context: HttpContext) id : Task =
        match api.Media.Find id, context.Request.Method with
        | Some file, "GET" -> ok api context None (mediaFacts api context id file)
        | Some _, "DELETE" ->
            api.Media.Remove id |> ignore
            ok api context None success
        | _, verb -> problem api context None (GraphError.noObject (verb.ToLowerInvariant()) id)

    let private selected api context all usual =
        match select context all usual with
        | Ok value -> ok api context None value
        | Error error -> problem api context None error

    /// Answers what is under a version, but for messages: `segments` is the path behind it.
    let versioned api (context: HttpContext) (segments: string list) : Task =
        let settings = api.Settings
        let phone, account = settings.PhoneNumberId, settings.BusinessAccountId

        let usual = [
            "display_phone_number"
            "verified_name"
            "quality_rating"
            "code_verification_status"
        ]

        let accountFields = [
            "id", Json.Text account
            "name", Json.Text settings.BusinessName
            "timezone_id", Json.Text "1"
            "message_template_namespace", Json.Text "emulator"
        ]

        match context.Request.Method, segments with
        | "GET", [ id ] when id = phone -> selected api context (phoneFields settings) usual
        | "GET", [ id ] when id = account -> selected api context accountFields (List.map fst accountFields)
        | "GET", [ id; "phone_numbers" ] when id = account ->
            ok api context None (Json.Fields [ "data", Json.Items [ Json.Fields(phoneFields settings) ] ])
        | "GET", [ id; "subscribed_apps" ] when id = account ->
            ok api context None (Json.Fields [ "data", Json.Items [ application settings ] ])
        | "POST", [ id; "subscribed_apps" ] when id = account -> subscribe api context
        | "POST", [ id; "media" ] when id = phone -> upload api context
        | "GET", [ "debug_token" ] -> debugToken api context
        | "GET", [ "me" ] ->
            ok
                api
                context
                None
                (Json.Fields [ "name", Json.Text "Emulador"; "id", Json.Text settings.ApplicationId ])
        | _, [ id ] when Seq.forall Char.IsAsciiDigit id -> object api context id
        | verb, (id :: [ "messages" | "media" | "subscribed_apps" | "phone_numbers" ]) ->
            problem api context None (GraphError.noObject (verb.ToLowerInvariant()) id)
        | _ -> problem api context None (GraphError.noPath (string context.Request.Path))

    /// Answers with a file, to whom has its address and the token.
    let download api (context: HttpContext) : Task =
        let query name = string context.Request.Query[name]

        match api.Media.Fetch(query "mid", query "ext", query "hash") with
        | Some file when token context = api.Settings.AccessToken ->
            log api context None 200
            Answer.file context file.ContentType file.Bytes
        | found ->
            // An address that is forged or too old is simply not found.
            let status =
                if found.IsSome then
                    HttpStatusCode.Unauthorized
                else
                    HttpStatusCode.NotFound

            log api context None (int status)
            context.Response.StatusCode <- int status
            Task.CompletedTask
