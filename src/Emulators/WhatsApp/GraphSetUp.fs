namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Security.Cryptography
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// What sets an account up in the Graph API: subscription, token, profile, templates, the key of forms.
[<RequireQualifiedAccess>]
module GraphSetUp =

    let private application settings =
        Json.Fields [
            "whatsapp_business_api_data",
            Json.Fields [
                "id", Json.Text settings.ApplicationId
                "name", Json.Text "Emulador"
                "link", Json.Text $"https://www.facebook.com/games/?app_id=%s{settings.ApplicationId}"
            ]
        ]

    /// `GET /debug_token`: what a token is for and when it ends.
    let debugToken api (context: HttpContext) =
        let ends = api.Faults.Current.TokenExpires
        let isOver = ends > 0L && ends <= api.Now().ToUnixTimeSeconds()

        let valid =
            string context.Request.Query["input_token"] = GraphAnswer.accepted api
            && not isOver

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
                    "expires_at", Json.Whole ends
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

    /// `GET /{account}/subscribed_apps`: the applications that hear of the account.
    let subscriptions api context : Task =
        let found =
            if api.Account.Subscribed then
                [ application api.Settings ]
            else
                []

        GraphAnswer.ok api context None (Json.Fields [ "data", Json.Items found ])

    /// `DELETE /{account}/subscribed_apps`: no webhook is sent from now on.
    let unsubscribe api context : Task =
        api.Account.Subscribed <- false
        GraphAnswer.ok api context None GraphAnswer.success

    /// `POST /{account}/subscribed_apps`: webhooks are sent, to another address if the body names one that
    /// answers the verification.
    let subscribe api (context: HttpContext) : Task = task {
        let! body = GraphAnswer.readFields context
        let verifyToken = Json.textAt [ "verify_token" ] body |> Option.defaultValue ""

        // The journal shows what was asked for, and no secret.
        let body =
            if verifyToken = "" then
                body
            else
                Json.withField "verify_token" (Json.Text "***") body

        let fails = GraphAnswer.problem api context (Some body)

        match Json.textAt [ "override_callback_uri" ] body with
        | None ->
            api.Account.Subscribed <- true
            do! GraphAnswer.ok api context (Some body) GraphAnswer.success
        | Some address when address.Length > 200 ->
            do! fails (GraphError.invalid "override_callback_uri has at most 200 characters.")
        | Some address ->
            match WebAddress.tryRead address with
            | None -> do! fails (GraphError.invalid "override_callback_uri is no address.")
            | Some uri ->
                match! api.Verify uri verifyToken with
                | Ok() ->
                    api.Account.Subscribed <- true
                    api.Sender.SetUrl uri
                    do! GraphAnswer.ok api context (Some body) GraphAnswer.success
                | Error text -> do! fails (GraphError.create 2200 $"Callback verification failed: %s{text}")
    }

    // The profile's texts and how long each may be.
    let private profileTexts = [ "about", 139; "address", 256; "description", 512; "email", 128 ]

    let private industries =
        (("OTHER AUTO BEAUTY APPAREL EDU ENTERTAIN EVENT_PLAN FINANCE GROCERY GOVT HOTEL HEALTH NONPROFIT "
          + "PROF_SERVICES RETAIL TRAVEL RESTAURANT NOT_A_BIZ UNDEFINED"))
            .Split
            ' '
        |> List.ofArray

    let private profileProblems body = [
        if Json.textAt [ "messaging_product" ] body <> Some "whatsapp" then
            GraphError.missing "messaging_product"

        for name, most in profileTexts do
            yield! Rules.optional name most (Json.given name body)

        match Json.given "vertical" body with
        | None -> ()
        | Some(Json.Text name) when List.contains name industries -> ()
        | Some _ -> GraphError.invalid "Param vertical is no known industry."

        match Json.given "websites" body with
        | None -> ()
        | Some(Json.Items sites) ->
            if sites.Length > 2 then
                GraphError.invalid "Param websites has at most 2 addresses."

            for site in sites do
                yield! Rules.required "websites[]" 256 (Some site)
        | Some _ -> GraphError.invalid "Param websites must be a list."
    ]

    /// `GET /{number}/whatsapp_business_profile`.
    let profile api (context: HttpContext) (number: BusinessPhone) : Task =
        let known = api.Account.Profile number.Id

        let asked =
            (string context.Request.Query["fields"]).Split(',', StringSplitOptions.TrimEntries)
            |> List.ofArray

        let shown =
            Json.fields known
            |> List.filter (fun (name, _) ->
                asked = [ "" ] || name = "messaging_product" || List.contains name asked)

        GraphAnswer.ok api context None (Json.Fields [ "data", Json.Items [ Json.Fields shown ] ])

    /// `POST /{number}/whatsapp_business_profile`.
    let changeProfile api (context: HttpContext) (number: BusinessPhone) : Task = task {
        let! body = GraphAnswer.readFields context

        match profileProblems body with
        | problem :: _ -> do! GraphAnswer.problem api context (Some body) problem
        | [] ->
            let known = "vertical" :: "websites" :: List.map fst profileTexts

            let changes =
                Json.fields body |> List.filter (fun (name, _) -> List.contains name known)

            api.Account.ChangeProfile(number.Id, Json.Fields changes)
            do! GraphAnswer.ok api context (Some body) GraphAnswer.success
    }

    /// `GET /{account}/message_templates`, all or those of a name and a language.
    let templates api (context: HttpContext) : Task =
        let query name = string context.Request.Query[name]

        let isAsked (template: Template) =
            (query "name" = "" || template.Name.Contains(query "name"))
            && (query "language" = "" || template.Language = query "language")
            && (query "status" = "" || query "status" = "APPROVED")

        let found =
            api.Settings.Templates
            |> List.indexed
            |> List.filter (snd >> isAsked)
            |> List.map (fun (index, template) -> Templates.toJson index template)

        let cursors =
            Json.Fields [
                "cursors", Json.Fields [ "before", Json.Text "MAZDZD"; "after", Json.Text "MjQZD" ]
            ]

        GraphAnswer.ok api context None (Json.Fields [ "data", Json.Items found; "paging", cursors ])

    /// `GET /{number}/whatsapp_business_encryption`: the public key of forms.
    let publicKey api context (number: BusinessPhone) : Task =
        match api.Account.PublicKey number.Id with
        | Some key ->
            Json.Fields [
                "business_public_key", Json.Text key
                "business_public_key_signature_status", Json.Text "VALID"
            ]
            |> GraphAnswer.ok api context None
        | None -> GraphAnswer.ok api context None (Json.Fields [ "data", Json.Items [] ])

    let private isPublicKey (text: string) =
        try
            use rsa = RSA.Create()
            rsa.ImportFromPem text
            text.Contains "PUBLIC KEY" && rsa.KeySize = 2048
        with
        | :? ArgumentException
        | :? CryptographicException -> false

    /// `POST /{number}/whatsapp_business_encryption` with `business_public_key`, RSA of 2048 bits in PEM.
    let setPublicKey api (context: HttpContext) (number: BusinessPhone) : Task = task {
        let! body = GraphAnswer.readFields context
        let fails = GraphAnswer.problem api context (Some body)

        match Json.textAt [ "business_public_key" ] body with
        | None -> do! fails (GraphError.missing "business_public_key")
        | Some key when isPublicKey key ->
            api.Account.SetPublicKey(number.Id, key)
            do! GraphAnswer.ok api context (Some body) GraphAnswer.success
        | Some _ ->
            do!
                fails (
                    GraphError.create 100 "business_public_key must be a public RSA key of 2048 bits in PEM."
                )
    }
