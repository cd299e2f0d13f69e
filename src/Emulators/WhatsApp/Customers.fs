namespace FunctionalBot.Emulators.WhatsApp

open System
open FunctionalBot.Emulators

/// What a customer does on the phone. Each gives the new message's wamid, or says why it cannot be done.
[<Sealed>]
type Customers(settings: Settings, conversations: Conversations, sender: WebhookSender, media: MediaStore) =

    let find id =
        match conversations.Customer id with
        | Some customer -> Ok customer
        | None -> Error $"There is no customer `%s{id}`; GET /_emulator/state lists them."

    let choose (id: string) (choice: string) =
        conversations.Change id (fun message -> { message with Chosen = Some choice })

    let businessContext id =
        Json.Fields [ "from", Json.Text settings.BusinessNumber; "id", Json.Text id ]

    let write (customer: Customer) content context =
        let raw = Json.textAt [ "id" ] content

        let id =
            raw
            |> Option.defaultWith (fun () -> Message.newId ByCustomer (Customer.address customer))

        let now = conversations.Now
        let kind = Json.textAt [ "type" ] content |> Option.defaultValue "unsupported"

        let message = {
            Id = id
            CustomerId = customer.Id
            Author = ByCustomer
            At = now
            Content = Json.sparse [ "type", Some(Json.Text kind); kind, Json.given kind content ]
            Context = context |> Option.orElse (Json.textAt [ "context"; "id" ] content)
            Callback = None
            Progress = Waiting
            Chosen = None
            Reaction = None
            Rendered = None
        }

        if kind = "reaction" then
            match Json.textAt [ "reaction"; "message_id" ] content with
            | Some target ->
                let emoji =
                    Json.textAt [ "reaction"; "emoji" ] content
                    |> Option.filter (fun text -> text <> "")

                conversations.Change target (fun found -> { found with Reaction = emoji })
            | None -> ()

        conversations.Add message

        let head =
            Payload.messageHead customer id now (context |> Option.map businessContext)

        sender.Enqueue {
            Field = "messages"
            Value = Payload.ofMessage customer (Json.over head content)
            Lane = customer.Id
            Brings = Some id
            At = now
        }

        id

    let interactiveReply kind id title description =
        Json.Fields [
            "type", Json.Text "interactive"
            "interactive",
            Json.Fields [
                "type", Json.Text kind
                kind,
                Json.sparse [
                    "id", Some(Json.Text id)
                    "title", Some(Json.Text title)
                    "description", description |> Option.map Json.Text
                ]
            ]
        ]

    let quickReply text =
        Json.Fields [
            "type", Json.Text "button"
            "button", Json.Fields [ "payload", Json.Text text; "text", Json.Text text ]
        ]

    // What tapping the choice `id` on the message sends, if the message offers it.
    let answerTo (message: Message) id =
        let action =
            Json.givenAt [ "interactive"; "action" ] message.Content
            |> Option.defaultValue Json.Null

        let listed names from =
            Json.givenAt names from |> Option.map Json.items |> Option.defaultValue []

        let named name value = Json.textAt [ name ] value = Some id

        let button =
            listed [ "buttons" ] action
            |> List.choose (Json.given "reply")
            |> List.tryFind (named "id")

        let row =
            listed [ "sections" ] action
            |> List.collect (listed [ "rows" ])
            |> List.tryFind (named "id")

        let replies =
            message.Rendered |> Option.map (listed [ "replies" ]) |> Option.defaultValue []

        let title value =
            Json.textAt [ "title" ] value |> Option.defaultValue ""

        match button, row with
        | Some found, _ -> Some(interactiveReply "button_reply" id (title found) None)
        | None, Some found ->
            Some(interactiveReply "list_reply" id (title found) (Json.textAt [ "description" ] found))
        | None, None when List.contains (Json.Text id) replies -> Some(quickReply id)
        | None, None -> None

    let hash (file: MediaFile) =
        Convert.ToBase64String(Security.Cryptography.SHA256.HashData file.Bytes)

    let mediaPart file more =
        let id = media.Add file

        Json.Fields(
            [
                "mime_type", Json.Text file.ContentType
                "sha256", Json.Text(hash file)
                "id", Json.Text id
            ]
            @ more
        )

    let typed kind part =
        Json.Fields [ "type", Json.Text kind; kind, part ]

    let fileMessage (file: MediaFile) caption =
        let captioned =
            match caption with
            | Some text -> [ "caption", Json.Text text ]
            | None -> []

        match file.ContentType.Split('/')[0] with
        | "image" when file.ContentType = "image/webp" ->
            typed "sticker" (mediaPart file [ "animated", Json.Flag false ])
        | "image" -> typed "image" (mediaPart file captioned)
        | "video" -> typed "video" (mediaPart file captioned)
        | "audio" -> typed "audio" (mediaPart file [ "voice", Json.Flag(file.ContentType.Contains "opus") ])
        | _ ->
            let name = file.Name |> Option.defaultValue "documento"
            typed "document" (mediaPart file (("filename", Json.Text name) :: captioned))

    let sample (customer: Customer) name =
        match name with
        | "voice" -> Some(fileMessage SampleMedia.voice.Value None)
        | "photo" -> Some(fileMessage SampleMedia.photo.Value None)
        | "document" -> Some(fileMessage SampleMedia.document.Value None)
        | "sticker" -> Some(fileMessage SampleMedia.sticker.Value None)
        | "location" ->
            Json.Fields [
                "latitude", Json.Number 40.415364
                "longitude", Json.Number -3.707398
                "name", Json.Text "Plaza Mayor"
                "address", Json.Text "Plaza Mayor, Madrid, España"
            ]
            |> typed "location"
            |> Some
        | "contact" ->
            let phone =
                customer.Phone
                |> Option.map (fun digits ->
                    Json.Fields [
                        "phone", Json.Text $"+%s{digits}"
                        "wa_id", Json.Text digits
                        "type", Json.Text "CELL"
                    ])

            Json.Items [
                Json.Fields [
                    "name",
                    Json.Fields [
                        "formatted_name", Json.Text customer.Name
                        "first_name", Json.Text(customer.Name.Split(' ')[0])
                    ]
                    "phones", Json.Items(Option.toList phone)
                ]
            ]
            |> typed "contacts"
            |> Some
        | "unsupported" ->
            Json.Fields [
                "type", Json.Text "unsupported"
                "errors",
                Json.Items [
                    Json.Fields [
                        "code", Json.Whole 131051
                        "title", Json.Text "Message type unknown"
                        "message", Json.Text "Message type unknown"
                        "error_data",
                        Json.Fields [ "details", Json.Text "Message type is currently not supported." ]
                    ]
                ]
                "unsupported", Json.Fields [ "type", Json.Text "poll_creation" ]
            ]
            |> Some
        | _ -> None

    /// Writes a text, in answer to a message if `quoted` names one.
    member _.Text id text quoted =
        find id
        |> Result.map (fun customer ->
            write customer (typed "text" (Json.Fields [ "body", Json.Text text ])) quoted)

    /// Taps a button or chooses a row of a message that the business has sent.
    member _.Press id (wamid: string) (choice: string) =
        match find id, conversations.Find wamid with
        | Error problem, _ -> Error problem
        | Ok customer, Some message when message.Author = ByBusiness && message.CustomerId = customer.Id ->
            match answerTo message choice with
            | Some answer ->
                choose wamid choice
                Ok(write customer answer (Some wamid))
            | None -> Error $"The message %s{wamid} offers no choice `%s{choice}`."
        | Ok customer, _ -> Error $"The business has sent no message %s{wamid} to `%s{customer.Id}`."

    /// Sends one of the samples: voice, photo, document, sticker, location, contact, unsupported.
    member _.Sample id name quoted =
        match find id with
        | Error problem -> Error problem
        | Ok customer ->
            match sample customer name with
            | Some content -> Ok(write customer content quoted)
            | None -> Error $"There is no sample `%s{name}`: GET /_emulator lists them."

    /// Sends a file as the type of message that fits its media type.
    member _.File id file caption =
        find id
        |> Result.map (fun customer -> write customer (fileMessage file caption) None)

    /// Sends any message: the fields of a webhook's `messages[]` item. What is left out (`from`, `id`,
    /// `timestamp`...) is filled in, what is there is sent as it is.
    member _.Raw id content =
        match content with
        | Json.Fields _ -> find id |> Result.map (fun customer -> write customer content None)
        | _ -> Error "`message` must be a JSON object, as in a webhook's messages[]."

    /// Answers a message that asks for something with the message that its button sends, and greys the
    /// button.
    member _.Answer id (wamid: string) content =
        find id
        |> Result.map (fun customer ->
            choose wamid "answered"
            write customer content (Some wamid))

    /// Sends a webhook with any value under any field, for shapes that no phone makes.
    member _.Change field value =
        sender.Enqueue {
            Field = field
            Value = value
            Lane = "raw"
            Brings = None
            At = conversations.Now
        }
