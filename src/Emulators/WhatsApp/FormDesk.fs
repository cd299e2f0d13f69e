namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Net.Http
open System.Text
open System.Threading.Tasks
open FunctionalBot.Emulators

/// What a phone does with a form before its answer is sent: shows it, and asks the endpoint what comes next.
[<NoComparison; NoEquality>]
type FormDesk = {
    /// Answers `{message, action, screen?, data?}` with `{name, definition, screen, data}` for `open`, else with
    /// what the endpoint says; `{action: "ping", flow}` asks whether it is up. The error says what is wrong with
    /// the request, the form or the endpoint.
    Ask: Json.Json -> Task<Result<Json.Json, string>>
}

/// Forms on the phone.
[<RequireQualifiedAccess>]
module FormDesk =

    let private client =
        new HttpClient(
            new SocketsHttpHandler(UseProxy = false, AllowAutoRedirect = false),
            // Meta waits ten seconds for an endpoint.
            Timeout = TimeSpan.FromSeconds 10.0
        )

    /// What an endpoint means by its status: Meta's page on the endpoint's error codes.
    let private explained status =
        match status with
        | 421 -> "it could not decrypt the request, so that Meta would fetch its public key anew"
        | 427 -> "the form's token is no longer valid"
        | 432 -> "it does not accept the signature"
        | _ -> "it must answer 200"

    let private post (settings: Settings) (endpoint: Uri) publicKey (plain: string) = task {
        let sent = FlowCipher.request publicKey plain

        let body =
            Json.Fields [
                "encrypted_flow_data", Json.Text sent.EncryptedData
                "encrypted_aes_key", Json.Text sent.EncryptedKey
                "initial_vector", Json.Text sent.Vector
            ]
            |> Json.write
            |> Encoding.UTF8.GetBytes

        use request = new HttpRequestMessage(HttpMethod.Post, endpoint)
        let content = new ByteArrayContent(body)

        content.Headers.TryAddWithoutValidation("Content-Type", "application/json")
        |> ignore

        request.Content <- content

        request.Headers.TryAddWithoutValidation(
            "X-Hub-Signature-256",
            Payload.signature settings.AppSecret body
        )
        |> ignore

        try
            use! response = client.SendAsync request
            let! text = response.Content.ReadAsStringAsync()
            let status = int response.StatusCode

            let read = FlowCipher.answer sent.Opened text |> Option.map Json.parse

            return
                match status, read with
                | 200, Some(Ok answer) -> Ok answer
                | 200, Some(Error problem) -> Error $"The endpoint's answer is not JSON: %s{problem}"
                | 200, None ->
                    Error "The endpoint's answer cannot be decrypted with the key and the flipped vector."
                // The phone closes the form with the endpoint's own words.
                | 427, Some(Ok answer) ->
                    let words = Json.textAt [ "error_msg" ] answer |> Option.defaultValue ""
                    Error $"%s{words} (427: %s{explained 427})"
                | _ -> Error $"The form's endpoint answered %d{status}: %s{explained status}."
        with
        | :? HttpRequestException as problem ->
            return Error $"The form's endpoint cannot be reached: %s{problem.Message}"
        | :? TaskCanceledException -> return Error "The form's endpoint did not answer within 10 seconds."
    }

    let private exchange settings (account: Account) (numberId: string) (form: FlowForm) fields = task {
        match form.Endpoint, account.PublicKey numberId with
        | None, _ -> return Error $"The form %s{form.Name} has no endpoint (endpoint_uri)."
        | _, None -> return Error "No public key is set: POST /{number}/whatsapp_business_encryption."
        | Some endpoint, Some key ->
            let plain = Json.sparse (("version", Some(Json.Text "3.0")) :: fields)
            return! post settings endpoint key (Json.write plain)
    }

    let private firstScreen (form: FlowForm) =
        form.Definition
        |> Option.map (Json.itemsField "screens")
        |> Option.bind List.tryHead
        |> Option.bind (Json.textAt [ "id" ])
        |> Option.defaultValue ""

    let private opened (form: FlowForm) screen data =
        Json.Fields [
            "name", Json.Text form.Name
            "definition", form.Definition |> Option.defaultValue Json.Null
            "screen", Json.Text screen
            "data", data
        ]

    let private openForm settings account (message: Message) form parameters token = task {
        let payload name =
            Json.givenAt [ "flow_action_payload"; name ] parameters

        if Json.textAt [ "flow_action" ] parameters = Some "data_exchange" then
            let fields = [ "action", Some(Json.Text "INIT"); "flow_token", Some token ]
            let! answer = exchange settings account message.NumberId form fields

            return
                answer
                |> Result.map (fun found ->
                    let screen =
                        Json.textAt [ "screen" ] found
                        |> Option.defaultWith (fun () -> firstScreen form)

                    opened form screen (Json.given "data" found |> Option.defaultValue (Json.Fields [])))
        else
            let screen =
                payload "screen"
                |> Option.bind Json.asText
                |> Option.defaultWith (fun () -> firstScreen form)

            return Ok(opened form screen (payload "data" |> Option.defaultValue (Json.Fields [])))
    }

    // As Meta asks now and then whether the endpoint is up.
    let private ping settings (account: Account) body = task {
        match Json.textAt [ "flow" ] body |> Option.bind account.Flows.Find with
        | None -> return Error "`flow` is no form's id."
        | Some form ->
            return! exchange settings account settings.PhoneNumberId form [ "action", Some(Json.Text "ping") ]
    }

    let private askOfMessage settings (account: Account) (conversations: Conversations) body = task {
        let wamid = Json.textAt [ "message" ] body |> Option.defaultValue ""

        let parameters (message: Message) =
            Json.givenAt [ "interactive"; "action"; "parameters" ] message.Content
            |> Option.defaultValue Json.Null

        match conversations.Find wamid with
        | None -> return Error "`message` is no message of a chat."
        | Some message ->
            let parameters = parameters message

            let token =
                Json.given "flow_token" parameters |> Option.defaultValue (Json.Text "unused")

            match account.Flows.Named parameters, Json.textAt [ "action" ] body with
            | None, _ -> return Error "The message names no form that there is."
            | Some form, Some "open" -> return! openForm settings account message form parameters token
            | Some form, Some(("data_exchange" | "BACK") as action) ->
                return!
                    exchange settings account message.NumberId form [
                        "action", Some(Json.Text action)
                        "screen", Json.given "screen" body
                        "data", Some(Json.given "data" body |> Option.defaultValue (Json.Fields []))
                        "flow_token", Some token
                    ]
            | Some _, _ -> return Error "`action` must be open, data_exchange or BACK."
    }

    let private ask settings account conversations body =
        match Json.textAt [ "action" ] body with
        | Some "ping" -> ping settings account body
        | _ -> askOfMessage settings account conversations body

    /// The desk of a running emulator.
    let create settings account conversations : FormDesk = {
        Ask = ask settings account conversations
    }
