namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Threading.Tasks
open FunctionalBot.Emulators

/// What the endpoints under `/_emulator` work on.
[<NoComparison; NoEquality>]
type ControlDesk = {
    Settings: Settings
    Conversations: Conversations
    /// What customers do in the chat with the number of this id.
    Customers: string -> Customers option
    Forms: FormDesk
    Business: Business
    Sender: WebhookSender
    Faults: FaultSwitches
    Media: MediaStore
    Log: Journal.Newest<Request>
    Live: Live
    Verify: Uri -> string -> Task<Result<unit, string>>
}

/// What `/_emulator` shows.
[<RequireQualifiedAccess>]
module ControlView =

    /// What `GET /_emulator` answers.
    let help =
        """WhatsApp emulator. It answers on 127.0.0.1 only. Bodies are JSON.

GET  /_emulator/health      is it up, where do webhooks go, how many wait
GET  /_emulator/state       business, customers, conversations, who is typing (what the page shows)
GET  /_emulator/events      server-sent events: hello, message, typing, customer, delivery, reset
GET  /_emulator/messages    ?customer=ID        messages, oldest first
GET  /_emulator/requests    the last requests to the Graph API: method, path, body, status, at
GET  /_emulator/webhooks    the last deliveries: body as sent, attempts, status, problem, accepted
GET  /_emulator/faults      every switch as it stands
POST /_emulator/faults      some switches, for example {"sendError": 3, "sendErrorCode": 131056}
                            A trigger is true, false, a count, or {"next": 2, "probability": 0.1}.
POST /_emulator/send        {"customer": "ana", "number"?: phone number id, "replyTo"?: "wamid..."} and one of
                              "text": "Hola"
                              "press": {"message": "wamid...", "id": "choice"}   button, row, quick reply
                              "answer": {"message": "wamid...", "content": {...}}  a request, by any message
                              "form": {"message": "wamid...", "payload": {...}}  a form, filled in
                              "shareNumber": {"message": "wamid..."}  the own number, when asked for it
                              "sample": voice | photo | document | sticker | location | contact | cards |
                                order | unsupported | too-large
                              "react": {"message": "wamid...", "emoji"?: "..."}  without emoji: take it back
                              "edit": {"message": "wamid...", "text": "..."}    within 15 minutes
                              "delete": {"message": "wamid..."}                 within 2 days
                              "forward": {"message": "wamid...", "often"?: true}
                              "open": true                 the chat is opened for the first time
                              "advertisement": "Hola"      the first message after a click on an ad
                              "message": {...}   an item of a webhook's messages[]; gaps are filled in
POST /_emulator/media       ?customer=ID&number=ID&name=FILE&caption=TEXT   the file as body, with its
                            Content-Type
POST /_emulator/form-media  ?number=ID&name=FILE   a file for a form; answers what the form's answer names
GET  /_emulator/media/ID    a file that was sent
POST /_emulator/form        {"message", "action": "open" | "data_exchange" | "BACK", "screen"?, "data"?}
                            the form of a message, or what its endpoint answers (asked encrypted);
                            {"action": "ping", "flow": ID} asks whether the endpoint is up
POST /_emulator/customers   {"name", "phone"?, "userId"?, "id"?, "readReceipts"?, "blocked"?}
POST /_emulator/change-number   {"customer", "phone"}   another number, and with it another user id
POST /_emulator/change-user-id  {"customer"}            another user id
POST /_emulator/read        {"customer", "number"?}  this phone shows its messages: `read` follows
POST /_emulator/clock       {"advance": seconds}
POST /_emulator/webhook     {"url"}             where webhooks go from now on
POST /_emulator/verify      asks the webhook for hub.challenge, as Meta does when the address is saved
POST /_emulator/change      {"field", "value"}  a webhook with any value
POST /_emulator/reset       forgets conversations, journals, waiting webhooks and faults
"""

    /// How the delivery of webhooks stands.
    let delivery control =
        Json.sparse [
            "pending", Some(Json.Whole control.Sender.PendingCount)
            "problem", control.Sender.Problem |> Option.map Json.Text
            "url", control.Sender.Url |> Option.map (fun url -> Json.Text(string url))
        ]

    let private number (found: BusinessPhone) =
        Json.Fields [
            "id", Json.Text found.Id
            "number", Json.Text found.Number
            "name", Json.Text found.Name
        ]

    /// Everything that the page shows.
    let state control =
        Json.Fields [
            "numbers", Json.Items(Settings.numbers control.Settings |> List.map number)
            "faults", Faults.toJson control.Faults.Current
            "now", Json.Whole(control.Conversations.Now.ToUnixTimeMilliseconds())
            "customers", control.Conversations.ToJson()
            "delivery", delivery control
        ]

    /// Whether it is up, where webhooks go, how many wait.
    let health control =
        Json.over
            (Json.Fields [
                "status", Json.Text "ok"
                "phoneNumberId", Json.Text control.Settings.PhoneNumberId
                "businessAccountId", Json.Text control.Settings.BusinessAccountId
                "seed", Json.Whole control.Settings.Seed
            ])
            (delivery control)

    /// One request of the journal.
    let requestJson (request: Request) =
        Json.sparse [
            "method", Some(Json.Text request.Method)
            "path", Some(Json.Text request.Path)
            "body", request.Body
            "status", Some(Json.Whole request.Status)
            "at", Some(Json.Whole(request.At.ToUnixTimeMilliseconds()))
        ]

    /// One webhook with all its attempts.
    let deliveryJson (found: Delivery) =
        Json.sparse [
            "number", Some(Json.Whole found.Number)
            "at", Some(Json.Whole(found.At.ToUnixTimeMilliseconds()))
            "body", Some(Json.Text found.Body)
            "attempts", Some(Json.Whole found.Attempts)
            "status", found.Status |> Option.map (int64 >> Json.Whole)
            "problem", found.Problem |> Option.map Json.Text
            "accepted", Some(Json.Flag found.Accepted)
        ]
