namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// The objects of the Graph API that a bot or a check of its set-up reads: number, account, token, media.
[<RequireQualifiedAccess>]
module GraphObjects =

    let private phoneFields api (number: BusinessPhone) = [
        "id", Json.Text number.Id
        "display_phone_number", Json.Text $"+%s{number.Number}"
        "verified_name", Json.Text number.Name
        "quality_rating", Json.Text api.Faults.Current.Quality
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

    let private selected api context all usual =
        match select context all usual with
        | Ok value -> GraphAnswer.ok api context None value
        | Error error -> GraphAnswer.problem api context None error

    let private usual = [
        "display_phone_number"
        "verified_name"
        "quality_rating"
        "code_verification_status"
    ]

    let private ofNumber api (context: HttpContext) (number: BusinessPhone) (rest: string list) =
        match context.Request.Method, rest with
        | "GET", [] -> selected api context (phoneFields api number) usual |> Some
        | "POST", [ "media" ] -> GraphMedia.upload api context number |> Some
        | "GET", [ "whatsapp_business_profile" ] -> GraphSetUp.profile api context number |> Some
        | "POST", [ "whatsapp_business_profile" ] -> GraphSetUp.changeProfile api context number |> Some
        | "GET", [ "whatsapp_business_encryption" ] -> GraphSetUp.publicKey api context number |> Some
        | "POST", [ "whatsapp_business_encryption" ] -> GraphSetUp.setPublicKey api context number |> Some
        | _ -> None

    let private ofAccount api (context: HttpContext) (rest: string list) =
        let settings = api.Settings

        let fields = [
            "id", Json.Text settings.BusinessAccountId
            "name", Json.Text settings.BusinessName
            "timezone_id", Json.Text "1"
            "message_template_namespace", Json.Text "emulator"
        ]

        let listed found =
            GraphAnswer.ok api context None (Json.Fields [ "data", Json.Items found ])

        match context.Request.Method, rest with
        | "GET", [] -> selected api context fields (List.map fst fields) |> Some
        | "GET", [ "phone_numbers" ] ->
            Settings.numbers settings
            |> List.map (fun number -> Json.Fields(phoneFields api number))
            |> listed
            |> Some
        | "GET", [ "subscribed_apps" ] -> GraphSetUp.subscriptions api context |> Some
        | "POST", [ "subscribed_apps" ] -> GraphSetUp.subscribe api context |> Some
        | "DELETE", [ "subscribed_apps" ] -> GraphSetUp.unsubscribe api context |> Some
        | "GET", [ "message_templates" ] -> GraphSetUp.templates api context |> Some
        | "GET", [ "flows" ] -> GraphFlows.list api context |> Some
        | "POST", [ "flows" ] -> GraphFlows.create api context |> Some
        | _ -> None

    let private ofId api (context: HttpContext) (id: string) (rest: string list) =
        match Settings.number api.Settings id, api.Account.Flows.Find id with
        | Some number, _ -> ofNumber api context number rest
        | None, _ when id = api.Settings.BusinessAccountId -> ofAccount api context rest
        | None, Some form -> GraphFlows.object api context form rest |> Some
        | None, None when rest.IsEmpty && Seq.forall Char.IsAsciiDigit id ->
            GraphMedia.object api context id |> Some
        | None, None -> None

    // What objects have beneath them: asked of an unknown object, the object is what is missing.
    let private edges = [
        "messages"
        "media"
        "subscribed_apps"
        "phone_numbers"
        "message_templates"
        "flows"
        "assets"
        "publish"
        "whatsapp_business_profile"
        "whatsapp_business_encryption"
    ]

    /// Answers what is under a version, but for messages: `segments` is the path behind it.
    let versioned api (context: HttpContext) (segments: string list) : Task =
        let noPath () =
            GraphAnswer.problem api context None (GraphError.noPath (string context.Request.Path))

        match context.Request.Method, segments with
        | "GET", [ "debug_token" ] -> GraphSetUp.debugToken api context
        | "GET", [ "me" ] ->
            GraphAnswer.ok
                api
                context
                None
                (Json.Fields [ "name", Json.Text "Emulador"; "id", Json.Text api.Settings.ApplicationId ])
        | verb, id :: rest ->
            match ofId api context id rest, rest with
            | Some answered, _ -> answered
            | None, [ edge ] when List.contains edge edges ->
                GraphAnswer.problem api context None (GraphError.noObject (verb.ToLowerInvariant()) id)
            | None, _ -> noPath ()
        | _, [] -> noPath ()
