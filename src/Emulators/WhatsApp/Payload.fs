namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Globalization
open System.Security.Cryptography
open System.Text
open FunctionalBot.Emulators

/// One update on its way to the webhook: what goes into `changes[].value` beside the metadata.
type Update = {
    /// The phone number id that the metadata names.
    NumberId: string
    /// `messages` for all that a bot listens to.
    Field: string
    /// The parts of the value (`contacts`, `messages`, `statuses`, `errors`).
    Value: Json.Json
    /// Updates with the same lane keep their order.
    Lane: string
    /// The customer's message that the update brings, if it brings one.
    Brings: string option
    /// When it was put on its way.
    At: DateTimeOffset
}

/// Meta's webhook bodies (references/whatsapp-cloud-api.md, section 2).
[<RequireQualifiedAccess>]
module Payload =

    let private seconds (at: DateTimeOffset) =
        Json.Text(at.ToUnixTimeSeconds().ToString CultureInfo.InvariantCulture)

    let private contact (customer: Customer) =
        Json.sparse [
            "profile", Some(Json.Fields [ "name", Json.Text customer.Name ])
            "wa_id", customer.Phone |> Option.map Json.Text
            "user_id", customer.UserId |> Option.map Json.Text
        ]

    /// The fields that every inbound message begins with.
    let messageHead (customer: Customer) (id: string) at context =
        Json.sparse [
            "context", context
            "from", customer.Phone |> Option.map Json.Text
            "from_user_id", customer.UserId |> Option.map Json.Text
            "id", Some(Json.Text id)
            "timestamp", Some(seconds at)
        ]

    /// The value of a webhook that brings one message. System messages carry no contacts.
    let ofMessage customer message =
        Json.sparse [
            "contacts",
            (if Json.textAt [ "type" ] message = Some "system" then
                 None
             else
                 Some(Json.Items [ contact (customer: Customer) ]))
            "messages", Some(Json.Items [ message ])
        ]

    let private pricing free =
        Json.Fields [
            "billable", Json.Flag(not free)
            "pricing_model", Json.Text "PMP"
            "type", Json.Text(if free then "free_customer_service" else "regular")
            "category", Json.Text "service"
        ]

    /// The value of a webhook that brings one status of `message`. `free` is the price told by `sent` and
    /// `delivered`.
    let ofStatus (customer: Customer) (message: Message) at progress free =
        let name, errors =
            match progress with
            | Waiting
            | Sent -> "sent", None
            | Delivered -> "delivered", None
            | Read -> "read", None
            | Failed code ->
                let title = GraphError.title code

                let error =
                    Json.Fields [
                        "code", Json.Whole code
                        "title", Json.Text title
                        "message", Json.Text title
                        "error_data",
                        Json.Fields [ "details", Json.Text $"%s{title} (asked for by the emulator)." ]
                        "href",
                        Json.Text
                            "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
                    ]

                "failed", Some(Json.Items [ error ])

        let priced =
            match progress with
            | Sent
            | Delivered -> Some(pricing free)
            | _ -> None

        Json.Fields [
            "statuses",
            Json.Items [
                Json.sparse [
                    "id", Some(Json.Text message.Id)
                    "status", Some(Json.Text name)
                    "timestamp", Some(seconds at)
                    "recipient_id", customer.Phone |> Option.map Json.Text
                    "recipient_user_id", customer.UserId |> Option.map Json.Text
                    "biz_opaque_callback_data", message.Callback |> Option.map Json.Text
                    "pricing", priced
                    "errors", errors
                ]
            ]
        ]

    /// The body of one POST with one or more updates: one entry, one change for each.
    let envelope (settings: Settings) updates =
        let head (id: string) =
            let number =
                Settings.number settings id
                |> Option.defaultValue (Settings.mainNumber settings)

            Json.Fields [
                "messaging_product", Json.Text "whatsapp"
                "metadata",
                Json.Fields [
                    "display_phone_number", Json.Text number.Number
                    "phone_number_id", Json.Text number.Id
                ]
            ]

        let change (update: Update) =
            let value = Json.over (head update.NumberId) update.Value
            Json.Fields [ "value", value; "field", Json.Text update.Field ]

        let entry =
            Json.Fields [
                "id", Json.Text settings.BusinessAccountId
                "changes", Json.Items(List.map change updates)
            ]

        Json.Fields [
            "object", Json.Text "whatsapp_business_account"
            "entry", Json.Items [ entry ]
        ]
        |> Json.writeEscaped
        |> Encoding.ASCII.GetBytes

    /// The value of `X-Hub-Signature-256` for exactly these bytes.
    let signature (secret: string) (body: byte array) =
        let hash = HMACSHA256.HashData(Encoding.UTF8.GetBytes secret, body)
        "sha256=" + Convert.ToHexStringLower hash
