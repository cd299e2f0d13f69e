namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Globalization
open FunctionalBot.Emulators

/// Who a send is for.
type Recipient =
    /// A phone number as digits without `+`.
    | Number of string
    /// A business-scoped user id.
    | User of string

/// A send that keeps all rules and can be given to the customer.
type Outbound = {
    Recipient: Recipient
    /// The recipient as the request wrote it, which the answer repeats.
    Input: string
    /// The message's type, for example `text`.
    Type: string
    /// `{type, <type>: {...}}` as the request has it.
    Content: Json.Json
    /// The wamid that the message quotes.
    Context: string option
    /// `biz_opaque_callback_data`, which every status carries back.
    Callback: string option
}

/// What a POST to `/messages` asks for.
type SendRequest =
    /// Give the customer a message.
    | Send of Outbound
    /// Mark a customer's message and all before it as read, and show "typing" when the second value is true.
    | MarkRead of wamid: string * typing: bool

/// Reads and checks the body of a POST to `/messages`.
[<RequireQualifiedAccess>]
module SendRequest =

    let private digits (text: string) = String.filter Char.IsAsciiDigit text

    let private isUserId (text: string) =
        let border = text.IndexOf '.'

        border = 2
        && Seq.forall Char.IsAsciiLetterUpper (text.Substring(0, 2))
        && text.Length >= 4
        && text.Length <= 140
        && text.Substring 3 |> Seq.forall (fun c -> Char.IsAsciiLetterOrDigit c || c = '.')

    let private recipient body =
        match Json.given "to" body, Json.given "recipient" body with
        // The number wins when both are there.
        | Some(Json.Text number), _ ->
            match digits number with
            | found when found.Length >= 5 && found.Length <= 20 -> Ok(Number found, number)
            | _ -> Error(GraphError.invalid $"Param to is no phone number: %s{number}.")
        | Some _, _ -> Error(GraphError.invalid "Param to must be a string.")
        | None, Some(Json.Text user) when isUserId user -> Ok(User user, user)
        | None, Some _ ->
            Error(GraphError.invalid "Param recipient must be a business-scoped user id, like ES.123.")
        | None, None -> Error(GraphError.missing "to")

    let private location part = [
        let coordinate name most =
            match Json.given name part with
            | None -> [ GraphError.missing $"location['%s{name}']" ]
            | Some value ->
                let number =
                    match value with
                    // The published examples write numbers, the older pages strings.
                    | Json.Text text ->
                        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
                        | true, number -> Some number
                        | _ -> None
                    | other -> Json.asNumber other

                match number with
                | Some found when abs found <= most -> []
                | _ -> [
                    GraphError.invalid $"Param location['%s{name}'] must be a number of degrees."
                  ]

        yield! coordinate "latitude" 90.0
        yield! coordinate "longitude" 180.0
    ]

    let private template part = [
        yield! Rules.required "template['name']" 512 (Json.given "name" part)
        yield! Rules.required "template['language']['code']" 20 (Json.givenAt [ "language"; "code" ] part)
    ]

    // A voice note is drawn as one only as Opus in Ogg.
    let private voice known part = [
        let file = Json.textAt [ "id" ] part |> Option.bind known.Media
        yield! Rules.flag "audio['voice']" (Json.given "voice" part)

        match Json.given "voice" part, file with
        | Some(Json.Flag true), Some found when MediaRules.bareType found.ContentType <> "audio/ogg" ->
            GraphError.create 131053 $"A voice note must be audio/ogg, and the file is %s{found.ContentType}."
        | _ -> ()
    ]

    let private mediaPart known kind part = [
        yield! Rules.media known kind kind part

        if kind = "audio" then
            yield! voice known part

        if kind = "image" || kind = "video" || kind = "document" then
            yield! Rules.optional $"%s{kind}['caption']" 1024 (Json.given "caption" part)
    ]

    let private contacts value = [
        let cards = Json.items value

        if cards.IsEmpty || cards.Length > 257 then
            GraphError.invalid "There must be 1 to 257 contacts."

        for card in cards do
            yield!
                Rules.required
                    "contacts[]['name']['formatted_name']"
                    1024
                    (Json.givenAt [ "name"; "formatted_name" ] card)
    ]

    let private reaction part = [
        yield! Rules.required "reaction['message_id']" 512 (Json.given "message_id" part)
        yield! Rules.emoji "reaction['emoji']" (Json.given "emoji" part)
    ]

    let private content known kind part =
        match kind with
        | "text" -> [
            yield! Rules.required "text['body']" 4096 (Json.given "body" part)
            yield! Rules.flag "text['preview_url']" (Json.given "preview_url" part)
          ]
        | "image"
        | "video"
        | "document"
        | "audio"
        | "sticker" -> mediaPart known kind part
        | "interactive" -> Rules.interactive known part
        | "reaction" -> reaction part
        | "location" -> location part
        | "contacts" -> contacts part
        | "template" -> template part
        | other -> [ GraphError.invalid $"Param type has the unknown value %s{other}." ]

    let private message known body =
        let kind = Json.textAt [ "type" ] body |> Option.defaultValue "text"

        let problems = [
            match Json.textAt [ "recipient_type" ] body with
            | None
            | Some "individual" -> ()
            | Some other -> GraphError.invalid $"Param recipient_type must be individual here, not %s{other}."

            yield! Rules.optional "biz_opaque_callback_data" 512 (Json.given "biz_opaque_callback_data" body)

            match Json.given kind body with
            | Some part -> yield! content known kind part
            | None -> GraphError.missing kind

            match Json.given "context" body with
            | Some _ when kind = "reaction" ->
                GraphError.invalid "A reaction cannot quote a message: Param context is not allowed."
            | Some context ->
                yield! Rules.required "context['message_id']" 512 (Json.given "message_id" context)
            | None -> ()
        ]

        match recipient body, problems with
        | Error problem, _
        | Ok _, problem :: _ -> Error problem
        | Ok(recipient, input), [] ->
            Ok(
                Send {
                    Recipient = recipient
                    Input = input
                    Type = kind
                    Content =
                        Json.Fields [
                            "type", Json.Text kind
                            kind, Json.given kind body |> Option.defaultValue Json.Null
                        ]
                    Context = Json.textAt [ "context"; "message_id" ] body
                    Callback = Json.textAt [ "biz_opaque_callback_data" ] body
                }
            )

    let private markRead body =
        match Json.textAt [ "status" ] body, Json.textAt [ "message_id" ] body with
        | Some "read", Some id ->
            match Json.given "typing_indicator" body with
            | None -> Ok(MarkRead(id, false))
            | Some indicator when Json.textAt [ "type" ] indicator = Some "text" -> Ok(MarkRead(id, true))
            | Some _ -> Error(GraphError.invalid "Param typing_indicator['type'] must be text.")
        | Some "read", None -> Error(GraphError.missing "message_id")
        | _ -> Error(GraphError.invalid "Param status must be read.")

    /// Reads a body. The error is what the API answers.
    let read (known: Known) body : Result<SendRequest, GraphError> =
        match body with
        | Json.Fields _ ->
            if Json.textAt [ "messaging_product" ] body <> Some "whatsapp" then
                Error(
                    GraphError.create 100 "The parameter messaging_product is required and must be whatsapp."
                )
            elif (Json.given "status" body).IsSome then
                markRead body
            else
                message known body
        | _ -> Error(GraphError.create 100 "The body must be a JSON object.")
