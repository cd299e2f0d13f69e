/// Webhook bodies with invented people, and a generator of arbitrary JSON in Meta's vocabulary.
module FunctionalBot.Tests.WhatsAppSamples

open System
open System.Text
open System.Text.Json
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects

/// The invented business number's id; its channel is "whatsapp-100200300".
let numberId = "100200300"

/// A body of one entry with one change that holds these members of its value besides metadata, as JSON text.
let bodyWith (members: string) =
    let metadata =
        $"""{{"display_phone_number":"34910000000","phone_number_id":"%s{numberId}"}}"""

    $"""{{"object":"whatsapp_business_account","entry":[{{"id":"900","time":1790000000,"changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":%s{metadata},%s{members}}}}}]}}]}}"""

/// Ana's contact, who has a phone number and a business-scoped id.
let ana =
    """{"profile":{"name":"Ana"},"wa_id":"34600111222","user_id":"ES.13491208655302741918"}"""

/// The members that every message of Ana's has.
let common id =
    $"""“from”:“34600111222”,“from_user_id”:“ES.13491208655302741918”,“id”:“wamid.%s{id}”,“timestamp”:“1790000001”"""
        .Replace('“', '"')
        .Replace('”', '"')

/// A message of Ana's with these members besides the common ones.
let message (id: string) (members: string) = "{" + common id + "," + members + "}"

/// A body with Ana's contact and these messages.
let bodyOf (messages: string list) =
    bodyWith ("\"contacts\":[" + ana + "],\"messages\":[" + String.Join(",", messages) + "]")

/// Reads a body given as text.
let read (body: string) =
    WhatsAppInbound.read (ReadOnlyMemory(Encoding.UTF8.GetBytes body))

/// Reads a body that holds exactly one element. That the customer came from an advertisement stands ahead of it.
let readOne (body: string) =
    match read body with
    | Ok [ update ]
    | Ok [ CustomerDid(_, _, _, _, ReferredByAd _); update ] -> update
    | other -> failwith $"expected one update, got %A{other}"

/// What members are called in webhooks.
let names = [
    "entry"
    "changes"
    "value"
    "field"
    "metadata"
    "phone_number_id"
    "messages"
    "statuses"
    "contacts"
    "errors"
    "profile"
    "name"
    "wa_id"
    "user_id"
    "from"
    "from_user_id"
    "id"
    "timestamp"
    "type"
    "text"
    "body"
    "image"
    "caption"
    "interactive"
    "button_reply"
    "list_reply"
    "title"
    "reaction"
    "message_id"
    "edit"
    "original_message_id"
    "context"
    "status"
    "code"
    "group_id"
    "time"
    "audio"
    "voice"
    "video"
    "document"
    "sticker"
    "mime_type"
    "sha256"
    "filename"
    "location"
    "latitude"
    "longitude"
    "phones"
    "formatted_name"
    "emoji"
    "nfm_reply"
    "response_json"
    "flow_token"
    "button"
    "payload"
    "order"
    "product_items"
    "quantity"
    "system"
    "previous_user_id"
    "unsupported"
    "revoke"
    "referral"
    "headline"
    "biz_opaque_callback_data"
    "recipient_type"
    "event"
]

let private words =
    names
    @ [
        ""
        " "
        "34600111222"
        "ES.1"
        "wamid.x"
        "a/b"
        "1790000001"
        "-1"
        "99999999999999999999"
        "ñ😀\u0000"
        "\u202Efdp.exe\u2066\u200B"
        "{\"flow_token\":3}"
        "user_changed_number"
        "account_update"
        "image"
        "nfm_reply"
        "system"
        "failed"
        String('9', 3000)
    ]

/// Any JSON text, mostly with names and words that Meta uses.
let json: FsCheck.Gen<string> =
    let quoted (word: string) = JsonSerializer.Serialize word

    let scalar =
        Gen.oneof [
            Gen.elements words |> Gen.map quoted
            Gen.elements [
                "null"
                "true"
                "false"
                "0"
                "-5"
                "1.5e300"
                "1790000001"
                "9223372036854775807"
                "-9223372036854775808"
                "1e-999"
                String('7', 1000)
                "\"\\ud800\""
                "\"\\udc00\\ud800\\\\u12\""
            ]
        ]

    let name =
        Gen.frequency [
            20, Gen.elements names |> Gen.map quoted
            1, Gen.elements [ "\"\""; "\"\\ud800\""; "\"\\u0069d\"" ]
        ]

    let rec tree size =
        if size <= 0 then
            scalar
        else
            let smaller = tree (size / 3)

            let array =
                Gen.listOfLength (min 4 size) smaller
                |> Gen.map (fun parts -> "[" + String.Join(", ", parts) + "]")

            let object =
                Gen.zip name smaller
                |> Gen.listOfLength (min 8 (size + 1))
                |> Gen.map (fun parts ->
                    let members = [ for name, part in parts -> name + ": " + part ]
                    "{" + String.Join(",", members) + "}")

            Gen.frequency [ 1, scalar; 2, array; 6, object ]

    Gen.sized tree
