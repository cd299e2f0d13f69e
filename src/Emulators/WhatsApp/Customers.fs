namespace FunctionalBot.Emulators.WhatsApp

open System
open FunctionalBot.Emulators

/// What a customer does on the phone in the chat with one number of the business. Each gives the id of the new
/// message, or says why it cannot be done.
[<Sealed>]
type Customers
    (
        number: BusinessPhone,
        conversations: Conversations,
        faults: FaultSwitches,
        sender: WebhookSender,
        media: MediaStore
    ) =

    let find id =
        match conversations.Customer id with
        | Some customer -> Ok customer
        | None -> Error $"There is no customer `%s{id}`; GET /_emulator/state lists them."

    let choose (id: string) (choice: string) =
        conversations.Change id (fun message -> { message with Chosen = Some choice })

    let newId customer =
        Message.newId ByCustomer (Customer.address customer)

    // Puts a webhook on its way that brings this item of messages[].
    let deliver (customer: Customer) brings item =
        sender.Enqueue {
            NumberId = number.Id
            Field = "messages"
            Value = Payload.ofMessage customer item
            Lane = customer.Id
            Brings = brings
            At = conversations.Now
        }

    // `quoted` is the wamid that the message answers.
    let contextOf quoted content =
        let own = Json.given "context" content |> Option.defaultValue (Json.Fields [])

        let quote =
            match quoted with
            | Some id -> Json.Fields [ "from", Json.Text number.Number; "id", Json.Text id ]
            | None -> Json.Fields []

        match Json.over quote own with
        | Json.Fields [] -> None
        | context -> Some context

    // Parts of an item that the phone shows besides the part of its type.
    let shownBeside = [ "referral"; "context"; "errors" ]

    let write (customer: Customer) content quoted =
        let id =
            Json.textAt [ "id" ] content |> Option.defaultWith (fun () -> newId customer)

        let now = conversations.Now
        let kind = Json.textAt [ "type" ] content |> Option.defaultValue "unsupported"

        let shown =
            Json.sparse [
                "type", Some(Json.Text kind)
                kind, Json.given kind content
                for name in shownBeside do
                    name, Json.given name content
            ]

        let message = {
            Message.create id customer.Id number.Id ByCustomer now shown with
                Context = quoted |> Option.orElse (Json.textAt [ "context"; "id" ] content)
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
        let head = Payload.messageHead customer id now None

        let content =
            Json.sparse [ "context", contextOf quoted content ] |> Json.over content

        deliver customer (Some id) (Json.over head content)
        id

    // Greys the button of the message that is answered.
    let answer customer (wamid: string) content =
        choose wamid "answered"
        write customer content (Some wamid)

    let isHere (customer: Customer) (message: Message) =
        message.CustomerId = customer.Id && message.NumberId = number.Id

    let withMessage id wamid (act: Customer -> Message -> Result<string, string>) =
        match find id, conversations.Find wamid with
        | Error problem, _ -> Error problem
        | Ok customer, Some message when isHere customer message -> act customer message
        | Ok customer, _ -> Error $"There is no message %s{wamid} in the chat of `%s{customer.Id}`."

    let ofBusiness id wamid act =
        withMessage id wamid (fun customer message ->
            if message.Author = ByBusiness then
                act customer message
            else
                Error $"The business has sent no message %s{wamid} to `%s{customer.Id}`.")

    let ownWithin (age: TimeSpan) id wamid act =
        withMessage id wamid (fun customer message ->
            if message.Author = ByBusiness then
                Error "Only the author of a message can do that."
            elif message.Revoked then
                Error "The message has been deleted."
            elif conversations.Now - message.At > age then
                Error $"That can be done for %g{age.TotalMinutes} minutes, and they are over."
            else
                act customer message)

    // A fault may make a program of what was picked, under the type that was picked.
    let asSent (file: MediaFile) =
        let lies =
            faults.Current.MediaFaultKind = LyingType
            && faults.Strikes _.MediaFault (fun all left -> { all with MediaFault = left })

        if lies then
            {
                file with
                    Bytes = SampleMedia.windowsProgram.Value
            }
        else
            file

    let largestFile = 100L * 1024L * 1024L

    let fileMessage file caption =
        let file = asSent file
        Contents.file file (media.AddInbound(number.Id, file)) caption

    let sample customer name =
        match name with
        | "voice" -> Some(fileMessage SampleMedia.voice.Value None)
        | "photo" -> Some(fileMessage SampleMedia.photo.Value None)
        | "document" -> Some(fileMessage SampleMedia.document.Value None)
        | "sticker" -> Some(fileMessage SampleMedia.sticker.Value None)
        | other -> Contents.sample customer other

    /// The number of the business that this chat is with.
    member _.Number = number

    /// Writes a text, in answer to a message if `quoted` names one.
    member _.Text id text quoted =
        find id
        |> Result.map (fun customer -> write customer (Contents.text text) quoted)

    /// Taps a button or chooses a row of a message that the business has sent.
    member _.Press id (wamid: string) (choice: string) =
        ofBusiness id wamid (fun customer message ->
            match Contents.answerTo message choice with
            | Some answer ->
                choose wamid choice
                Ok(write customer answer (Some wamid))
            | None -> Error $"The message %s{wamid} offers no choice `%s{choice}`.")

    /// Sends one of the samples: voice, photo, document, sticker, and those of `Contents.sample`.
    member _.Sample id name quoted =
        match find id with
        | Error problem -> Error problem
        | Ok customer ->
            match sample customer name with
            | Some content -> Ok(write customer content quoted)
            | None -> Error $"There is no sample `%s{name}`: GET /_emulator lists them."

    /// Sends a file as the type of message that fits its media type. One of more than 100 MB never reaches the
    /// business: the webhook says that instead.
    member _.File id (file: MediaFile) caption =
        let content =
            if file.Bytes.LongLength > largestFile then
                Contents.tooLarge
            else
                fileMessage file caption

        find id |> Result.map (fun customer -> write customer content None)

    /// Keeps a file for the answer of a form, and gives the object that the answer names it by.
    member _.FormFile(file: MediaFile) =
        let file = asSent file
        Contents.formFile file (media.AddInbound(number.Id, file))

    /// Sends any message: an object as an item of a webhook's messages[], of which `from`, `id` and
    /// `timestamp` are filled in where they are missing.
    member _.Raw id content quoted =
        match content with
        | Json.Fields _ -> find id |> Result.map (fun customer -> write customer content quoted)
        | _ -> Error "`message` must be a JSON object, as in a webhook's messages[]."

    /// Answers a message of the business that asks for something with the message that its button sends, and
    /// greys the button.
    member _.Answer id wamid content =
        match content with
        | Json.Fields _ -> ofBusiness id wamid (fun customer _ -> Ok(answer customer wamid content))
        | _ -> Error "`content` must be a JSON object, as in a webhook's messages[]."

    /// Answers a form with what was filled in; the form's token goes with it.
    member _.FillForm id wamid payload =
        ofBusiness id wamid (fun customer message ->
            let token =
                Json.textAt [ "interactive"; "action"; "parameters"; "flow_token" ] message.Content
                |> Option.defaultValue "unused"

            Ok(answer customer wamid (Contents.formAnswer token payload)))

    /// Shares the customer's own number as a contact card, in answer to a request for it.
    member _.ShareNumber id wamid =
        ofBusiness id wamid (fun customer _ ->
            let own = Contents.card customer.Name (Some(Customer.ownNumber customer))
            Ok(answer customer wamid (Contents.typed "contacts" (Json.Items [ own ]))))

    /// Puts an emoji on a message, or takes it back. WhatsApp tells the business only of its own messages, and
    /// not of those older than 30 days.
    member _.React id wamid (emoji: string option) =
        withMessage id wamid (fun customer message ->
            if message.Author = ByCustomer then
                conversations.Change wamid (fun found -> { found with OwnReaction = emoji })
                Ok wamid
            elif conversations.Now - message.At >= TimeSpan.FromDays 30.0 then
                conversations.Change wamid (fun found -> { found with Reaction = emoji })
                Ok wamid
            else
                let reaction =
                    Json.sparse [
                        "message_id", Some(Json.Text wamid)
                        "emoji", emoji |> Option.map Json.Text
                    ]

                Ok(write customer (Contents.typed "reaction" reaction) None))

    /// Changes the text of an own message of the last 15 minutes. On a coexistence number the change arrives;
    /// on a plain one a message of an unsupported type does.
    member _.Edit id wamid (text: string) =
        ownWithin (TimeSpan.FromMinutes 15.0) id wamid (fun customer message ->
            let kind = Message.kind message
            let place = if kind = "text" then "body" else "caption"

            let part = Json.given kind message.Content |> Option.defaultValue (Json.Fields [])

            if kind <> "text" && (Json.given place part).IsNone then
                Error "Only a text, or the text under a picture, can be changed."
            else
                let content = Contents.typed kind (Json.withField place (Json.Text text) part)

                conversations.Change wamid (fun found -> {
                    found with
                        Content = content
                        Edited = true
                })

                let editId = newId customer
                let head = Payload.messageHead customer editId conversations.Now None

                let item =
                    if faults.Current.Coexistence then
                        let quoting = Json.Fields [ "context", Json.Fields [ "id", Json.Text "M0" ] ]
                        Contents.edit wamid (Json.over quoting content)
                    else
                        Contents.unknownType "edit"

                deliver customer None (Json.over head item)
                Ok editId)

    /// Deletes an own message of the last two days. Only a coexistence number hears of it.
    member _.Delete id wamid =
        ownWithin (TimeSpan.FromDays 2.0) id wamid (fun customer _ ->
            conversations.Change wamid (fun found -> {
                found with
                    Content = Json.Fields [ "type", Json.Text(Message.kind found) ]
                    Revoked = true
            })

            let id = newId customer

            if faults.Current.Coexistence then
                let head = Payload.messageHead customer id conversations.Now None
                deliver customer None (Json.over head (Contents.revoke wamid))

            Ok id)

    /// Sends a message of this chat once more as a forwarded one; `often` for one that has gone round.
    member _.Forward id wamid often =
        withMessage id wamid (fun customer message ->
            let text =
                Json.textAt [ "interactive"; "body"; "text" ] message.Content
                |> Option.orElse (message.Rendered |> Option.bind (Json.textAt [ "body" ]))

            let content =
                match text with
                | Some body -> Contents.text body
                | None -> message.Content

            let mark = if often then "frequently_forwarded" else "forwarded"
            let context = Json.Fields [ mark, Json.Flag true ]
            Ok(write customer (Json.withField "context" context content) None))

    /// Opens the chat for the first time and writes nothing yet: `request_welcome`, which opens the window.
    member _.OpenChat id =
        find id
        |> Result.map (fun customer ->
            write customer (Json.Fields [ "type", Json.Text "request_welcome" ]) None)

    /// Writes the first message after a click on an advertisement.
    member _.FromAdvertisement id text =
        find id
        |> Result.map (fun customer ->
            let content = Contents.text text |> Json.withField "referral" Contents.advertisement
            write customer content None)

    /// Sends a webhook with any value under any field, for shapes that no phone makes.
    member _.Change field value =
        sender.Enqueue {
            NumberId = number.Id
            Field = field
            Value = value
            Lane = "raw"
            Brings = None
            At = conversations.Now
        }
