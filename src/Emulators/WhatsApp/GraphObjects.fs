namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// The objects of the Graph API that a bot or a check of its set-up reads: number, account, token, media.
[<RequireQualifiedAccess>]
module GraphObjects =

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
        let valid = string context.Request.Query["input_token"] = GraphAnswer.accepted api

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

        GraphAnswer.ok api context None (Json.Fields [ "data", Json.Fields facts ])

    let private subscribe api (context: HttpContext) : Task = task {
        let! bytes = Exchange.readBytes context

        let body =
            Json.parseBytes (ReadOnlyMemory bytes) |> Result.defaultValue (Json.Fields [])

        let verifyToken = Json.textAt [ "verify_token" ] body |> Option.defaultValue ""

        // The journal shows what was asked for, and no secret.
        let body =
            if verifyToken = "" then
                body
            else
                Json.withField "verify_token" (Json.Text "***") body

        match Json.textAt [ "override_callback_uri" ] body with
        | None -> do! GraphAnswer.ok api context (Some body) GraphAnswer.success
        | Some address ->
            match WebAddress.tryRead address with
            | Some uri ->
                match! api.Verify uri verifyToken with
                | Ok() ->
                    api.Sender.SetUrl uri
                    do! GraphAnswer.ok api context (Some body) GraphAnswer.success
                | Error text ->
                    let error = GraphError.create 2200 $"Callback verification failed: %s{text}"
                    do! GraphAnswer.problem api context (Some body) error
            | None ->
                do!
                    GraphAnswer.problem
                        api
                        context
                        (Some body)
                        (GraphError.invalid "override_callback_uri is no address.")
    }

    let private selected api context all usual =
        match select context all usual with
        | Ok value -> GraphAnswer.ok api context None value
        | Error error -> GraphAnswer.problem api context None error

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
            GraphAnswer.ok
                api
                context
                None
                (Json.Fields [ "data", Json.Items [ Json.Fields(phoneFields settings) ] ])
        | "GET", [ id; "subscribed_apps" ] when id = account ->
            GraphAnswer.ok api context None (Json.Fields [ "data", Json.Items [ application settings ] ])
        | "POST", [ id; "subscribed_apps" ] when id = account -> subscribe api context
        | "POST", [ id; "media" ] when id = phone -> GraphMedia.upload api context
        | "GET", [ "debug_token" ] -> debugToken api context
        | "GET", [ "me" ] ->
            GraphAnswer.ok
                api
                context
                None
                (Json.Fields [ "name", Json.Text "Emulador"; "id", Json.Text settings.ApplicationId ])
        | _, [ id ] when Seq.forall Char.IsAsciiDigit id -> GraphMedia.object api context id
        | verb, (id :: [ "messages" | "media" | "subscribed_apps" | "phone_numbers" ]) ->
            GraphAnswer.problem api context None (GraphError.noObject (verb.ToLowerInvariant()) id)
        | _ -> GraphAnswer.problem api context None (GraphError.noPath (string context.Request.Path))
