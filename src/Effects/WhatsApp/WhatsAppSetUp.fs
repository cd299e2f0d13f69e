namespace FunctionalBot.Effects

open System
open System.Net.Http
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks

/// Why a call of the set-up did not do what it was for.
type SetUpFailure =
    /// Nobody answered, or not as the Graph API does.
    | GraphUnreachable of reason: string
    /// Meta answered that it will not do it. `told` is Meta's own sentence, which may repeat what was sent.
    | GraphRefused of code: int * told: string

/// An app that gets the webhooks of an account.
type SubscribedApp = {
    Id: string
    Name: string option
    /// Where the webhooks go, if not where the app's own settings say.
    Callback: string option
}

/// What Meta tells about a token.
type TokenFacts = {
    AppId: string option
    IsValid: bool
    /// UTC; None for a token that does not expire.
    ExpiresAt: DateTimeOffset option
    Scopes: string list
}

/// What customers see of the business when they open its profile.
type BusinessProfile = {
    About: string option
    Address: string option
    Description: string option
    Email: string option
    Websites: string list
    /// Meta's word for the trade, for example RETAIL.
    Vertical: string option
}

/// The calls that set numbers and accounts up. They are made by operators, one at a time. Nothing here is retried.
module WhatsAppSetUp =
    open LenientJson

    let private answerLimit = 4 * 1024 * 1024

    let private json (node: JsonNode) : byte[] =
        JsonSerializer.SerializeToUtf8Bytes(
            node,
            JsonSerializerOptions(Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)
        )

    /// Meta's sentence: the one for users or the details, where there is one. The message alone says little more than
    /// the code ("(#100) Invalid parameter").
    let private sentenceOf (error: JsonElement) : string =
        filled "error_user_msg" error
        |> Option.orElse (field "error_data" error |> Option.bind (filled "details"))
        |> Option.orElse (filled "message" error)
        |> Option.map (Graphemes.start 300)
        |> Option.defaultValue "no reason was given"

    let private toldBy (body: byte[]) : string =
        WhatsAppAnswer.withJson body (field "error" >> Option.map sentenceOf)
        |> Option.defaultValue "no reason was given"

    /// Makes a call with the settings' token. What `read` makes nothing of is not the Graph API's.
    let internal call
        (settings: WhatsAppSettings)
        (client: HttpClient)
        method
        path
        (content: HttpContent option)
        (read: JsonElement -> 'answer option)
        (token: CancellationToken)
        : Task<Result<'answer, SetUpFailure>> = task {
        match! WhatsAppCall.sendUpTo answerLimit settings client method path content token with
        | Broken(_, reason) ->
            return Error(GraphUnreachable $"%s{settings.GraphUrl.Host} cannot be reached: %s{reason}")
        | Answered(status, _, answer) when WhatsAppAnswer.isSuccess status ->
            return
                WhatsAppAnswer.withJson answer read
                |> Option.map Ok
                |> Option.defaultValue (
                    Error(
                        GraphUnreachable "the answer is not that of the Graph API; check WHATSAPP_GRAPH_URL"
                    )
                )
        | Answered(status, _, answer) ->
            return
                match WhatsAppAnswer.errorOf answer with
                | Some code, _ -> Error(GraphRefused(code, toldBy answer))
                | None, _ -> Error(GraphUnreachable $"%s{settings.GraphUrl.Host} answered %d{int status}")
    }

    /// The answer of a call that only changes something.
    let internal succeeded root =
        if text "success" root = Some "true" then Some() else None

    /// Reads something with the settings' token.
    let internal get settings client path read token =
        call settings client HttpMethod.Get path None read token

    /// Posts a body of JSON with the settings' token.
    let internal postJson settings client path (body: byte[]) read token =
        call settings client HttpMethod.Post path (Some(WhatsAppCall.json body)) read token

    /// Changes something with the settings' token.
    let internal post settings client path (body: JsonNode) read token =
        postJson settings client path (json body) read token

    /// As a part of an address.
    let internal escaped (text: string) = Uri.EscapeDataString text

    /// A hundred pages hold far more than there can be; a server that has always a next one is not followed.
    let private mostPages = 100

    /// Reads a list that Meta gives page by page; `path` has a query already. An item that `read` makes nothing of is
    /// left out.
    let internal pages
        settings
        client
        (path: string)
        (read: JsonElement -> 'item option)
        token
        : Task<Result<'item list, SetUpFailure>> =
        let page root =
            field "data" root
            |> Option.map (fun data ->
                let paging = field "paging" root

                let next =
                    paging
                    |> Option.bind (filled "next")
                    |> Option.bind (fun _ ->
                        paging |> Option.bind (field "cursors") |> Option.bind (filled "after"))

                items data |> List.choose read, next)

        let rec from
            (place: string)
            (found: 'item list)
            (count: int)
            : Task<Result<'item list, SetUpFailure>> = task {
            match! get settings client (path + place) page token with
            | Ok(more, Some after) when count < mostPages ->
                return! from ("&after=" + escaped after) (found @ more) (count + 1)
            | Ok(more, _) -> return Ok(found @ more)
            | Error problem -> return Error problem
        }

        from "" [] 1

    /// The apps that get the webhooks of an account.
    let subscribedApps
        settings
        client
        (account: string)
        token
        : Task<Result<SubscribedApp list, SetUpFailure>> =
        let app entry =
            field "whatsapp_business_api_data" entry
            |> Option.bind (fun data ->
                filled "id" data
                |> Option.map (fun id -> {
                    Id = id
                    Name = filled "name" data
                    Callback = filled "override_callback_uri" entry
                }))

        let read root =
            field "data" root |> Option.map (items >> List.choose app)

        get settings client (escaped account + "/subscribed_apps") read token

    /// Lets the token's app have the webhooks of an account. With a callback they go there, whatever the app's own
    /// settings say; Meta asks that address for the verify token first.
    let subscribe
        settings
        client
        (account: string)
        (callback: (Uri * string) option)
        token
        : Task<Result<unit, SetUpFailure>> =
        let body = JsonObject()

        match callback with
        | Some(address, verifyToken) ->
            body["override_callback_uri"] <- JsonValue.Create address.AbsoluteUri
            body["verify_token"] <- JsonValue.Create verifyToken
        | None -> ()

        post settings client (escaped account + "/subscribed_apps") body succeeded token

    /// Asks Meta about the settings' own token.
    let tokenFacts (settings: WhatsAppSettings) client token : Task<Result<TokenFacts, SetUpFailure>> =
        let read root =
            field "data" root
            |> Option.map (fun data -> {
                AppId = filled "app_id" data
                IsValid = text "is_valid" data = Some "true"
                ExpiresAt =
                    whole "expires_at" data
                    |> Option.filter (fun seconds -> seconds > 0L && seconds < 253_402_300_800L)
                    |> Option.map DateTimeOffset.FromUnixTimeSeconds
                Scopes = list "scopes" data |> List.choose asText
            })

        get settings client ("debug_token?input_token=" + escaped (settings.Token())) read token

    let private profilePath (settings: WhatsAppSettings) =
        escaped settings.PhoneNumberId + "/whatsapp_business_profile"

    /// The profile of the settings' number.
    let profile (settings: WhatsAppSettings) client token : Task<Result<BusinessProfile, SetUpFailure>> =
        let read root =
            list "data" root
            |> List.tryHead
            |> Option.map (fun entry ->
                let data = field "business_profile" entry |> Option.defaultValue entry

                {
                    About = filled "about" data
                    Address = filled "address" data
                    Description = filled "description" data
                    Email = filled "email" data
                    Websites = list "websites" data |> List.choose asText
                    Vertical = filled "vertical" data
                })

        let fields = "about,address,description,email,websites,vertical"
        get settings client (profilePath settings + "?fields=" + fields) read token

    /// Changes the profile of the settings' number. What is None, or an empty list, stays as it is.
    let changeProfile
        (settings: WhatsAppSettings)
        client
        (change: BusinessProfile)
        token
        : Task<Result<unit, SetUpFailure>> =
        let body = JsonObject()
        body["messaging_product"] <- JsonValue.Create "whatsapp"

        let set (name: string) (value: string option) =
            match value with
            | Some text -> body[name] <- JsonValue.Create text
            | None -> ()

        set "about" change.About
        set "address" change.Address
        set "description" change.Description
        set "email" change.Email
        set "vertical" change.Vertical

        if not change.Websites.IsEmpty then
            let sites = JsonArray()

            for site in change.Websites do
                sites.Add(JsonValue.Create site)

            body["websites"] <- sites

        post settings client (profilePath settings) body succeeded token
