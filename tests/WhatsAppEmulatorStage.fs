/// An emulator of WhatsApp with a webhook that it calls, and the bodies that its tests send.
module FunctionalBot.Tests.WhatsAppEmulatorStage

open System
open System.Collections.Concurrent
open System.Net.Http
open System.Net.Http.Headers
open System.Text
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators
open FunctionalBot.Emulators.WhatsApp

/// How long a test waits for what must come.
let patience = TimeSpan.FromSeconds 30.0

/// The settings that every test begins with.
let settings = Settings.standard

/// The tests' own client.
let client = new HttpClient()

/// A webhook as the receiver has got it.
type Hook = { Signature: string; Body: byte array }

/// An emulator, and the webhook that it calls: `answer` gives the status for the n-th call, from 0.
[<NoComparison; NoEquality>]
type Stage = {
    Emulator: Emulator
    Hooks: ConcurrentQueue<Hook>
}

/// A webhook that keeps what it gets; `answer` gives the status for the n-th call, from 0.
let receiver (hooks: ConcurrentQueue<Hook>) (answer: int -> int) =
    Hosting.start 0 3_000_000L (fun app ->
        app.Run(
            RequestDelegate(fun context -> task {
                let! body = Exchange.readBytes context
                let number = hooks.Count

                hooks.Enqueue {
                    Signature = string context.Request.Headers["X-Hub-Signature-256"]
                    Body = body
                }

                context.Response.StatusCode <- answer number
            })
        ))

/// The settings with repetitions that come at once.
let quick = {
    settings with
        FirstRetry = TimeSpan.FromMilliseconds 5.0
}

/// Plays with an emulator of these settings and a webhook that answers so.
let staged started answer (play: Stage -> Task<unit>) : Task = task {
    let hooks = ConcurrentQueue()
    let! webhook = receiver hooks answer

    let! emulator =
        WhatsAppEmulator.start {
            started with
                WebhookUrl = Some webhook.Address
        }

    try
        do! play { Emulator = emulator; Hooks = hooks }
    finally
        emulator.Stop().Wait()
        webhook.Stop().Wait()
}

/// Plays with an emulator whose webhook takes everything.
let onStage play = staged quick (fun _ -> 200) play

/// Waits until the webhook has taken every update.
let quiet stage =
    stage.Emulator.Until "the delivery of every webhook" patience (fun () -> stage.Emulator.Pending() = 0)

/// A request to the Graph API with a token; gives the status and the answer.
let request (stage: Stage) (method: HttpMethod) (path: string) (token: string) (body: string option) = task {
    use message = new HttpRequestMessage(method, Uri(stage.Emulator.Address, path))
    message.Headers.Authorization <- AuthenticationHeaderValue("Bearer", token)

    body
    |> Option.iter (fun text -> message.Content <- new StringContent(text, Encoding.UTF8, "application/json"))

    use! response = client.SendAsync message
    let! text = response.Content.ReadAsStringAsync()
    return int response.StatusCode, Json.parse text |> Result.defaultValue Json.Null
}

/// The path to send messages to.
let messagesPath = $"/v25.0/%s{settings.PhoneNumberId}/messages"

/// Sends a message with the right token.
let post stage (body: Json.Json) =
    request stage HttpMethod.Post messagesPath settings.AccessToken (Some(Json.write body))

/// A message of a type to Ana.
let toAna kind content =
    Json.Fields [
        "messaging_product", Json.Text "whatsapp"
        "recipient_type", Json.Text "individual"
        "to", Json.Text "+34600111222"
        "type", Json.Text kind
        kind, content
    ]

/// A text to Ana.
let textTo body =
    toAna "text" (Json.Fields [ "body", Json.Text body ])

/// Ana writes a text; gives its wamid.
let write stage text =
    match stage.Emulator.Customers.Text "ana" text None with
    | Ok id -> id
    | Error problem -> failwith problem

/// The code of an answer that is an error.
let errorCode answer =
    Json.givenAt [ "error"; "code" ] answer
    |> Option.bind Json.asNumber
    |> Option.map int

/// The wamid of a message that was taken.
let sentId answer =
    match Json.given "messages" answer |> Option.map Json.items with
    | Some [ message ] -> Json.textAt [ "id" ] message |> Option.defaultValue ""
    | _ -> failwith $"no message in %s{Json.write answer}"

/// The items under a name in the values of one webhook.
let values name (hook: Hook) = [
    let body =
        Json.parseBytes (ReadOnlyMemory hook.Body) |> Result.defaultValue Json.Null

    for entry in Json.itemsField "entry" body do
        for change in Json.itemsField "changes" entry do
            yield!
                Json.givenAt [ "value"; name ] change
                |> Option.map Json.items
                |> Option.defaultValue []
]

/// The items under a name in all webhooks, in the order in which they came.
let received name stage =
    List.ofSeq stage.Hooks |> List.collect (values name)

/// The names of the statuses, in the order in which they came.
let statusNames stage =
    received "statuses" stage |> List.choose (Json.textAt [ "status" ])

/// A text of so many letters.
let repeat count = String('a', count)

/// A question with reply buttons of these titles.
let buttons titles =
    let button index (title: string) =
        Json.Fields [
            "type", Json.Text "reply"
            "reply", Json.Fields [ "id", Json.Text $"id%d{index}"; "title", Json.Text title ]
        ]

    Json.Fields [
        "type", Json.Text "button"
        "body", Json.Fields [ "text", Json.Text "¿Seguimos?" ]
        "action", Json.Fields [ "buttons", Json.Items(List.mapi button titles) ]
    ]

/// A list of so many rows with titles and descriptions of these lengths.
let list count titleLength descriptionLength =
    let row index =
        Json.Fields [
            "id", Json.Text $"row%d{index}"
            "title", Json.Text(repeat titleLength)
            "description", Json.Text(repeat descriptionLength)
        ]

    Json.Fields [
        "type", Json.Text "list"
        "body", Json.Fields [ "text", Json.Text "Elige" ]
        "action",
        Json.Fields [
            "button", Json.Text "Ver"
            "sections", Json.Items [ Json.Fields [ "rows", Json.Items(List.init count row) ] ]
        ]
    ]

/// An interactive message with one part put over it.
let withPart name value interactive =
    Json.over interactive (Json.Fields [ name, value ])

/// A text of so many letters, as the body or the footer of an interactive message.
let body length =
    Json.Fields [ "text", Json.Text(repeat length) ]

/// A request to the Graph API with the right token and a body or none.
let graph stage (method: HttpMethod) (path: string) (body: Json.Json option) =
    request stage method $"/v25.0/%s{path}" settings.AccessToken (body |> Option.map Json.write)

/// Uploads a file as multipart/form-data to a path of the Graph API, with further fields.
let uploadTo (stage: Stage) (path: string) (fields: (string * string) list) (file: MediaFile) = task {
    use form = new MultipartFormDataContent()

    for name, value in fields do
        form.Add(new StringContent(value), name)

    let content = new ByteArrayContent(file.Bytes)

    content.Headers.TryAddWithoutValidation("Content-Type", file.ContentType)
    |> ignore

    form.Add(content, "file", file.Name |> Option.defaultValue "file")

    use message =
        new HttpRequestMessage(HttpMethod.Post, Uri(stage.Emulator.Address, $"/v25.0/%s{path}"))

    message.Headers.Authorization <- AuthenticationHeaderValue("Bearer", settings.AccessToken)
    message.Content <- form
    use! response = client.SendAsync message
    let! text = response.Content.ReadAsStringAsync()
    return int response.StatusCode, Json.parse text |> Result.defaultValue Json.Null
}

/// Uploads a file as media of the main number.
let upload stage file =
    uploadTo stage $"%s{settings.PhoneNumberId}/media" [ "messaging_product", "whatsapp" ] file

/// A request to the emulator's own endpoints, as its page makes them.
let control (stage: Stage) (path: string) (body: Json.Json) = task {
    use content = new StringContent(Json.write body, Encoding.UTF8, "application/json")

    use! response =
        client.PostAsync(Uri(stage.Emulator.Address, $"/_emulator/%s{path}"), content)

    let! text = response.Content.ReadAsStringAsync()
    return int response.StatusCode, Json.parse text |> Result.defaultValue Json.Null
}

/// What must go well on a phone.
let sure (outcome: Result<'value, string>) =
    match outcome with
    | Ok value -> value
    | Error problem -> failwith problem

/// The last message that the webhook has got.
let lastMessage stage = received "messages" stage |> List.last

/// What a form was filled in with, of the message that brings it.
let filledIn (reply: Json.Json) : Json.Json =
    Json.textAt [ "interactive"; "nfm_reply"; "response_json" ] reply
    |> Option.defaultValue ""
    |> Json.parse
    |> sure
