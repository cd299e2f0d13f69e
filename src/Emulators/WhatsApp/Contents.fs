namespace FunctionalBot.Emulators.WhatsApp

open System
open FunctionalBot.Emulators

/// What customers' messages hold, as webhooks write it (references/whatsapp-cloud-api.md, section 2): an object
/// with `type` and the part of that type.
[<RequireQualifiedAccess>]
module Contents =

    /// A message of a type with its part.
    let typed kind part =
        Json.Fields [ "type", Json.Text kind; kind, part ]

    /// A text.
    let text body =
        typed "text" (Json.Fields [ "body", Json.Text body ])

    /// A chosen button (`button_reply`) or row (`list_reply`).
    let private reply kind id title description =
        Json.Fields [
            "type", Json.Text kind
            kind,
            Json.sparse [
                "id", Some(Json.Text id)
                "title", Some(Json.Text title)
                "description", description |> Option.map Json.Text
            ]
        ]
        |> typed "interactive"

    let private quickReply text payload =
        typed "button" (Json.Fields [ "payload", Json.Text payload; "text", Json.Text text ])

    let private listed names from =
        Json.givenAt names from |> Option.map Json.items |> Option.defaultValue []

    // The text of a template's button and what it sends.
    let private quickReplies (message: Message) =
        match message.Rendered with
        | Some rendered ->
            let texts = listed [ "replies" ] rendered |> List.choose Json.asText
            let payloads = listed [ "payloads" ] rendered |> List.choose Json.asText

            texts
            |> List.mapi (fun index text -> text, payloads |> List.tryItem index |> Option.defaultValue text)
        | None -> []

    /// What tapping the choice `id` on a message of the business sends, if the message offers it. A template's
    /// quick reply is named by its text.
    let answerTo (message: Message) id =
        let action =
            Json.givenAt [ "interactive"; "action" ] message.Content
            |> Option.defaultValue Json.Null

        let named value = Json.textAt [ "id" ] value = Some id

        let button =
            listed [ "buttons" ] action
            |> List.choose (Json.given "reply")
            |> List.tryFind named

        let row =
            listed [ "sections" ] action
            |> List.collect (listed [ "rows" ])
            |> List.tryFind named

        let quick = quickReplies message |> List.tryFind (fun (text, _) -> text = id)

        let title value =
            Json.textAt [ "title" ] value |> Option.defaultValue ""

        match button, row, quick with
        | Some found, _, _ -> Some(reply "button_reply" id (title found) None)
        | None, Some found, _ ->
            Some(reply "list_reply" id (title found) (Json.textAt [ "description" ] found))
        | None, None, Some(text, payload) -> Some(quickReply text payload)
        | None, None, None -> None

    /// A file as the type of message that fits its media type, under its media id.
    let file (file: MediaFile) mediaId caption =
        let part more =
            Json.Fields(
                [
                    "mime_type", Json.Text file.ContentType
                    "sha256",
                    Json.Text(Convert.ToBase64String(Security.Cryptography.SHA256.HashData file.Bytes))
                    "id", Json.Text mediaId
                ]
                @ more
            )

        let captioned =
            caption |> Option.map (fun text -> "caption", Json.Text text) |> Option.toList

        match (MediaRules.bareType file.ContentType).Split('/')[0] with
        | "image" when MediaRules.bareType file.ContentType = "image/webp" ->
            typed "sticker" (part [ "animated", Json.Flag(MediaRules.isAnimated file.Bytes) ])
        | "image" -> typed "image" (part captioned)
        | "video" -> typed "video" (part captioned)
        | "audio" -> typed "audio" (part [ "voice", Json.Flag(file.ContentType.Contains "opus") ])
        | _ ->
            let name = file.Name |> Option.defaultValue "documento"
            typed "document" (part (("filename", Json.Text name) :: captioned))

    /// A file in the answer of a form.
    let formFile (file: MediaFile) mediaId =
        Json.Fields [
            "file_name", Json.Text(file.Name |> Option.defaultValue "foto")
            "mime_type", Json.Text file.ContentType
            "sha256", Json.Text(Convert.ToBase64String(Security.Cryptography.SHA256.HashData file.Bytes))
            "id", Json.Text mediaId
        ]

    /// A place on the map.
    let place (latitude: float) (longitude: float) name address =
        Json.sparse [
            "latitude", Some(Json.Number latitude)
            "longitude", Some(Json.Number longitude)
            "name", name |> Option.map Json.Text
            "address", address |> Option.map Json.Text
        ]
        |> typed "location"

    /// A contact card with a name and a number.
    let card (name: string) (digits: string option) =
        let phone digits =
            Json.Fields [
                "phone", Json.Text $"+%s{digits}"
                "wa_id", Json.Text digits
                "type", Json.Text "CELL"
            ]

        Json.Fields [
            "name",
            Json.Fields [
                "formatted_name", Json.Text name
                "first_name", Json.Text(name.Split(' ')[0])
            ]
            "phones", Json.Items(digits |> Option.map phone |> Option.toList)
        ]

    /// Something that the API has no type for: an error code and, where it is known, what it was.
    let unsupported code title what =
        Json.sparse [
            "type", Some(Json.Text "unsupported")
            "errors",
            Some(
                Json.Items [
                    Json.Fields [
                        "code", Json.Whole code
                        "title", Json.Text title
                        "message", Json.Text title
                        "error_data", Json.Fields [ "details", Json.Text $"%s{title}." ]
                    ]
                ]
            )
            "unsupported", what |> Option.map (fun name -> Json.Fields [ "type", Json.Text name ])
        ]

    /// A message of a type that the API does not know.
    let unknownType what =
        unsupported 131051 "Message type is currently not supported" (Some what)

    /// A file of more than 100 MB, of which the business only hears.
    let tooLarge = unsupported 131052 "Media download error" None

    /// A form's answer: `payload` as a JSON string, with the token of the message.
    let formAnswer token payload =
        let answer = Json.over payload (Json.Fields [ "flow_token", Json.Text token ])

        Json.Fields [
            "type", Json.Text "nfm_reply"
            "nfm_reply",
            Json.Fields [
                "name", Json.Text "flow"
                "body", Json.Text "Sent"
                "response_json", Json.Text(Json.write answer)
            ]
        ]
        |> typed "interactive"

    /// A message that was changed: the message's new content.
    let edit originalId content =
        typed "edit" (Json.Fields [ "original_message_id", Json.Text originalId; "message", content ])

    /// A message that was deleted.
    let revoke originalId =
        typed "revoke" (Json.Fields [ "original_message_id", Json.Text originalId ])

    /// An advertisement that a first message comes from. All of it is invented.
    let advertisement =
        Json.Fields [
            "source_url", Json.Text "https://fb.me/3aurora"
            "source_id", Json.Text "120210000000000001"
            "source_type", Json.Text "ad"
            "headline", Json.Text "Taladros con dos años de garantía"
            "body", Json.Text "Escríbenos y te ayudamos a elegir."
            "media_type", Json.Text "image"
            "image_url", Json.Text "https://scontent.example/anuncio.jpg"
            "ctwa_clid", Json.Text "ARAkLkA8rmlFeiCktEJQ-QTwRiyYHAFDLMNDBH0CD3qpjd0HR4irJ6LEkR7JwF"
            "welcome_message", Json.Fields [ "text", Json.Text "¡Hola! ¿En qué te ayudamos?" ]
        ]

    /// A cart that was sent as an order.
    let order =
        let item name quantity price =
            Json.Fields [
                "product_retailer_id", Json.Text name
                "quantity", Json.Whole quantity
                "item_price", Json.Number price
                "currency", Json.Text "EUR"
            ]

        Json.Fields [
            "catalog_id", Json.Text "194836987003835"
            "text", Json.Text "¿Me lo podéis enviar?"
            "product_items", Json.Items [ item "taladro-18v" 1L 89.9; item "broca-6mm" 3L 2.5 ]
        ]
        |> typed "order"

    /// The samples that need no file: location, contact, cards, order, unsupported, too-large.
    let sample (customer: Customer) name =
        match name with
        | "location" ->
            Some(place 40.415364 -3.707398 (Some "Plaza Mayor") (Some "Plaza Mayor, Madrid, España"))
        | "contact" -> Some(typed "contacts" (Json.Items [ card customer.Name customer.Phone ]))
        | "cards" ->
            Json.Items [
                card "Marta Soler" (Some "34600333444")
                card "<script>document.title='roto'</script>" (Some "34600555666")
            ]
            |> typed "contacts"
            |> Some
        | "order" -> Some order
        | "unsupported" -> Some(unknownType "poll_creation")
        | "too-large" -> Some tooLarge
        | _ -> None
