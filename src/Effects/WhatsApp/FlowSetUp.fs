namespace FunctionalBot.Effects

open System
open System.Collections.Generic
open System.Net.Http
open System.Net.Http.Headers
open System.Text
open System.Text.Json
open System.Threading
open System.Threading.Tasks

/// What Meta has of the business's public key.
type FlowKeyState = {
    /// PEM; None where no key was uploaded.
    PublicPem: string option
    /// "VALID", or "MISMATCH" where the key has to be uploaded once more.
    Status: string option
}

/// A flow as Meta has it.
type KnownFlow = {
    Id: string
    Name: string
    /// DRAFT, PUBLISHED, DEPRECATED, BLOCKED, THROTTLED.
    Status: string
}

/// The calls that set the ticket's form up. Operators make them, one at a time; nothing is retried.
module FlowSetUp =
    open LenientJson
    open WhatsAppSetUp

    let private form (values: (string * string) list) : HttpContent =
        new FormUrlEncodedContent([ for name, value in values -> KeyValuePair(name, value) ])

    let private keyPath (settings: WhatsAppSettings) =
        escaped settings.PhoneNumberId + "/whatsapp_business_encryption"

    /// Gives Meta the public key of the settings' number: telephones encrypt with it from then on.
    let uploadKey
        (settings: WhatsAppSettings)
        (client: HttpClient)
        (publicPem: string)
        (token: CancellationToken)
        : Task<Result<unit, SetUpFailure>> =
        let content = form [ "business_public_key", publicPem ]
        call settings client HttpMethod.Post (keyPath settings) (Some content) succeeded token

    /// The public key that Meta has of the settings' number.
    let keyState
        (settings: WhatsAppSettings)
        (client: HttpClient)
        (token: CancellationToken)
        : Task<Result<FlowKeyState, SetUpFailure>> =
        let read root =
            // Older answers have it in a list of one.
            let found = list "data" root |> List.tryHead |> Option.defaultValue root

            Some {
                PublicPem = filled "business_public_key" found
                Status = filled "business_public_key_signature_status" found
            }

        get settings client (keyPath settings) read token

    /// The flows of an account. (Meta: Flows API, "List flows" and "Retrieve flow details".)
    let all settings client (account: string) token : Task<Result<KnownFlow list, SetUpFailure>> =
        let flow entry =
            identifier "id" entry
            |> Option.map (fun id -> {
                Id = id
                Name = text "name" entry |> Option.defaultValue ""
                Status = text "status" entry |> Option.defaultValue "UNKNOWN"
            })

        pages settings client (escaped account + "/flows?fields=id,name,status&limit=100") flow token

    /// Makes an empty flow of that name in the account, as a draft; its id. `endpoint` is the address of /flow, https.
    let create
        (settings: WhatsAppSettings)
        (client: HttpClient)
        (account: string)
        (name: string)
        (endpoint: Uri option)
        (token: CancellationToken)
        : Task<Result<string, SetUpFailure>> =
        let content =
            form [
                "name", name
                "categories", "[\"CUSTOMER_SUPPORT\"]"
                match endpoint with
                | Some address -> "endpoint_uri", address.AbsoluteUri
                | None -> ()
            ]

        call settings client HttpMethod.Post (escaped account + "/flows") (Some content) (filled "id") token

    /// Gives a draft the address of /flow, https.
    let setEndpoint
        (settings: WhatsAppSettings)
        (client: HttpClient)
        (flow: string)
        (endpoint: Uri)
        (token: CancellationToken)
        : Task<Result<unit, SetUpFailure>> =
        let content = form [ "endpoint_uri", endpoint.AbsoluteUri ]
        call settings client HttpMethod.Post (escaped flow) (Some content) succeeded token

    /// Meta's words on one fault of a flow's JSON, with the line where it is.
    let private fault (element: JsonElement) : string =
        let told =
            filled "message" element
            |> Option.orElse (filled "error" element)
            |> Option.defaultValue "a fault without words"

        match whole "line_start" element with
        | Some line -> $"line %d{line}: %s{told}"
        | None -> told

    /// Gives a draft its screens; what Meta finds wrong with them, or nothing.
    let upload
        (settings: WhatsAppSettings)
        (client: HttpClient)
        (flow: string)
        (flowJson: byte[])
        (token: CancellationToken)
        : Task<Result<string list, SetUpFailure>> =
        let content = new MultipartFormDataContent()
        content.Add(new StringContent("flow.json", Encoding.UTF8), "name")
        content.Add(new StringContent("FLOW_JSON", Encoding.UTF8), "asset_type")
        let file = new ByteArrayContent(flowJson)
        file.Headers.ContentType <- MediaTypeHeaderValue "application/json"
        content.Add(file, "file", "flow.json")

        let read root =
            match list "validation_errors" root, succeeded root with
            | [], None -> None
            | faults, _ -> Some(List.map fault faults)

        call
            settings
            client
            HttpMethod.Post
            (escaped flow + "/assets")
            (Some(content :> HttpContent))
            read
            token

    /// Opens the flow to every customer. That cannot be taken back: a published flow is never changed.
    let publish
        (settings: WhatsAppSettings)
        (client: HttpClient)
        (flow: string)
        (token: CancellationToken)
        : Task<Result<unit, SetUpFailure>> =
        call settings client HttpMethod.Post (escaped flow + "/publish") None succeeded token
