namespace FunctionalBot.Effects

open System
open System.Text.Json
open FunctionalBot.Domain

/// What one element of `messages[]` says. The types and their fields are those of Meta's webhook reference
/// for the `messages` field, as collected in the project's notes on the Cloud API.
module WhatsAppMessage =
    open LenientJson
    open WhatsAppText

    /// The message that is quoted. `M0` and the like inside edits never reach this.
    let private quoted message =
        field "context" message |> Option.bind (identifier "id") |> Option.map MessageId

    /// What the element says beside what its entry says already: whose it is, its id and its time. So nothing of an
    /// unusual message is lost, and nobody's number is kept twice.
    let private rest (message: JsonElement) =
        Some(compactWithout [| "id"; "from"; "from_user_id"; "from_parent_user_id"; "timestamp" |] message)

    let private unreadable kind caption id (message: JsonElement) =
        MediaReceived {
            Message = id
            Kind = kind
            MediaId = None
            MimeType = None
            Sha256 = None
            FileName = None
            Caption = caption
            Content = rest message
        }

    /// Without an id there is no file to fetch; then the element itself is all that is left.
    let private file kind name id message =
        let part = field name message
        let caption = part |> Option.bind (filledWords "caption")

        match part |> Option.bind (SentFile.read "filename") with
        | Some file ->
            MediaReceived {
                Message = id
                Kind = kind
                MediaId = Some file.Id
                MimeType = file.MimeType
                Sha256 = file.Sha256
                FileName = file.FileName
                Caption = caption
                Content = None
            }
        | None -> unreadable kind caption id message

    /// A place or cards, in plain words. What nobody could make anything of is kept whole, as of no known kind.
    let private inWords kind name read id message =
        match field name message |> Option.bind read with
        | Some content ->
            MediaReceived {
                Message = id
                Kind = kind
                MediaId = None
                MimeType = None
                Sha256 = None
                FileName = None
                Caption = None
                Content = Some content
            }
        | None -> unreadable Unsupported None id message

    let private textReceived id message =
        match field "text" message |> Option.bind (words "body") with
        | Some body ->
            TextReceived {
                Message = id
                Text = body
                Quoted = quoted message
            }
        | None -> unreadable Unsupported None id message

    let private choice id message choiceId title =
        ChoicePicked {
            Message = id
            ChoiceId = choiceId
            Title = title
            Quoted = quoted message
        }

    /// What a file of a form is, by its type: the form asks for photos.
    let private kindOf (file: SentFile) =
        match file.MimeType with
        | Some kind when kind.StartsWith("video/", StringComparison.OrdinalIgnoreCase) -> Video
        | Some kind when kind.StartsWith("image/", StringComparison.OrdinalIgnoreCase) -> Image
        | Some _ -> Document
        | None -> Image

    let private formAnswered id (reply: FormReply) =
        FormAnswered {
            Message = id
            Token = reply.Token
            Fields = reply.Fields
            Files =
                reply.Files
                |> List.mapi (fun place file -> {
                    Message = id
                    Place = place
                    Kind = kindOf file
                    MediaId = file.Id
                    MimeType = file.MimeType
                    Sha256 = file.Sha256
                    FileName = file.FileName
                })
        }

    /// A pressed button, a chosen row or a form that was filled in. Other kinds of reply are kept whole.
    let private interactive id message =
        let reply =
            field "interactive" message
            |> Option.bind (fun part -> field "button_reply" part |> Option.orElse (field "list_reply" part))

        match reply |> Option.map (fun part -> identifier "id" part, words "title" part) with
        | Some(Some choiceId, title) -> choice id message choiceId (Option.defaultValue "" title)
        // A button without its id still has the words that the customer saw.
        | Some(None, Some title) when title.Trim() <> "" ->
            TextReceived {
                Message = id
                Text = title
                Quoted = quoted message
            }
        | _ ->
            match field "interactive" message |> Option.bind FormReply.read with
            | Some reply -> formAnswered id reply
            | None -> unreadable Unsupported None id message

    /// The quick reply of a template.
    let private button id message =
        let part = field "button" message
        let title = part |> Option.bind (filledWords "text")

        match part |> Option.bind (identifier "payload"), title with
        | Some payload, title -> choice id message payload (Option.defaultValue payload title)
        | None, Some title ->
            TextReceived {
                Message = id
                Text = title
                Quoted = quoted message
            }
        | None, None -> unreadable Unsupported None id message

    /// What the customer changed an earlier message into: its text, or the caption of its file.
    let private edited id message =
        let part = field "edit" message
        let inner = part |> Option.bind (field "message")

        let changed =
            inner
            |> Option.bind (fun content ->
                match field "text" content |> Option.bind (words "body") with
                | Some body -> Some body
                | None ->
                    text "type" content
                    |> Option.bind (fun name -> field name content)
                    |> Option.bind (words "caption"))

        match part |> Option.bind (identifier "original_message_id"), changed with
        | Some original, Some changed -> Ok(MessageEdited(id, MessageId original, changed))
        | _ -> Ok(unreadable Unsupported None id message)

    let private reaction id message =
        let part = field "reaction" message

        match part |> Option.bind (identifier "message_id") with
        | Some target -> Ok(ReactionReceived(id, MessageId target, part |> Option.bind (filledWords "emoji")))
        | None -> Error "a reaction that does not say to which message"

    let private revoked id message =
        match field "revoke" message |> Option.bind (identifier "original_message_id") with
        | Some original -> Ok(MessageRevoked(id, MessageId original))
        | None -> Error "a message was taken back, without saying which"

    let private audio id message =
        let isVoice = field "audio" message |> Option.bind (text "voice") = Some "true"

        file (if isVoice then VoiceNote else Audio) "audio" id message

    /// What WhatsApp itself does not hand on. Pinning or keeping a message is no message to answer.
    let private unsupported id message =
        match field "unsupported" message |> Option.bind (text "type") with
        | Some("pin" | "keep_in_chat" as name) -> Error("the customer marked a message (" + name + ")")
        | _ -> Ok(unreadable Unsupported None id message)

    /// The advertisement that the customer came from, where the message says so.
    let referral (message: JsonElement) : AdReferral option =
        field "referral" message
        |> Option.filter (fun part -> part.ValueKind = JsonValueKind.Object)
        |> Option.map (fun part -> {
            SourceId = line 300 "source_id" part
            SourceUrl = line 300 "source_url" part
            Headline = line 300 "headline" part
            Body = line 300 "body" part
        })

    /// The fact that a message stands for, or why it is nothing that a session should know. A type that
    /// this version does not know becomes a MediaReceived of kind Unsupported with all that it says as its
    /// content.
    let fact (id: MessageId) (message: JsonElement) : Result<Fact, string> =
        match text "type" message with
        | Some "text" -> Ok(textReceived id message)
        | Some "image" -> Ok(file Image "image" id message)
        | Some "video" -> Ok(file Video "video" id message)
        | Some "audio" -> Ok(audio id message)
        | Some "voice" -> Ok(file VoiceNote "voice" id message)
        | Some "document" -> Ok(file Document "document" id message)
        | Some "sticker" -> Ok(file Sticker "sticker" id message)
        | Some "location" -> Ok(inWords Location "location" WhatsAppPlaces.place id message)
        | Some "contacts" -> Ok(inWords ContactCard "contacts" WhatsAppPlaces.cards id message)
        | Some "interactive" -> Ok(interactive id message)
        | Some "button" -> Ok(button id message)
        | Some "reaction" -> reaction id message
        | Some "edit" -> edited id message
        | Some "revoke" -> revoked id message
        | Some "order" ->
            Ok(unreadable Unsupported (field "order" message |> Option.bind WhatsAppPlaces.order) id message)
        | Some "request_welcome" -> Ok(ChatOpened id)
        // Those that name somebody's new number or id are read by `WhatsAppMoves`.
        | Some "system" ->
            let kind = field "system" message |> Option.bind (line 100 "type")
            Error("a notice of WhatsApp itself: " + Option.defaultValue "of no named type" kind)
        | Some "unsupported" -> unsupported id message
        // Some senders leave the type out where there is only a text.
        | None when (field "text" message |> Option.bind (words "body")).IsSome -> Ok(textReceived id message)
        | _ -> Ok(unreadable Unsupported None id message)
