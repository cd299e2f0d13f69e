namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Security.Cryptography
open System.Text
open FunctionalBot.Emulators

/// Who wrote a message.
type Author =
    | ByCustomer
    | ByBusiness

/// How far a message has come. A customer's message is sent when WhatsApp has it, delivered when the bot's
/// webhook has answered 200, and read when the bot marks it so.
type Progress =
    | Waiting
    | Sent
    | Delivered
    | Read
    /// Refused on the way, with Meta's code.
    | Failed of code: int

/// One message of a conversation, in either direction.
type Message = {
    /// The wamid.
    Id: string
    CustomerId: string
    /// The phone number id of the business's side.
    NumberId: string
    Author: Author
    At: DateTimeOffset
    /// `{type, <type>: {...}}`, as the webhook or the send has it.
    Content: Json.Json
    /// The wamid that it quotes or answers.
    Context: string option
    Callback: string option
    Progress: Progress
    /// The id of the button or row that the customer has chosen on it.
    Chosen: string option
    /// The emoji that the other side has put on it.
    Reaction: string option
    /// The emoji that its own author has put on it.
    OwnReaction: string option
    Edited: bool
    /// True once its author has deleted it; what it said is forgotten.
    Revoked: bool
    /// A template's text with its parameters filled in.
    Rendered: Json.Json option
}

/// Message ids, and messages as the page and tests see them.
[<RequireQualifiedAccess>]
module Message =

    /// A new wamid with the outer look of WhatsApp's own: opaque, base64 after `wamid.`. It is drawn from the
    /// system's random numbers, not from the seed: two runs must never give the same id to different
    /// messages.
    let newId author (address: string) =
        let name = Encoding.ASCII.GetBytes address
        let name = if name.Length > 32 then Array.sub name 0 32 else name
        let marker, length = if author = ByCustomer then 0x12uy, 20 else 0x11uy, 18
        let random = RandomNumberGenerator.GetHexString length |> Encoding.ASCII.GetBytes

        let bytes =
            Array.concat [
                [| 0x1Cuy; 0x18uy; byte name.Length |]
                name
                [| 0x15uy; 0x02uy; 0x00uy; marker; 0x18uy; byte length |]
                random
                [| 0x00uy |]
            ]

        "wamid." + Convert.ToBase64String bytes

    /// A message that has just been written, without anything that comes later.
    let create id customerId numberId author at content : Message = {
        Id = id
        CustomerId = customerId
        NumberId = numberId
        Author = author
        At = at
        Content = content
        Context = None
        Callback = None
        Progress = Waiting
        Chosen = None
        Reaction = None
        OwnReaction = None
        Edited = false
        Revoked = false
        Rendered = None
    }

    /// The message's type.
    let kind message =
        Json.textAt [ "type" ] message.Content |> Option.defaultValue "unsupported"

    let private progressName progress =
        match progress with
        | Waiting -> "waiting"
        | Sent -> "sent"
        | Delivered -> "delivered"
        | Read -> "read"
        | Failed _ -> "failed"

    let private whenTrue flag =
        if flag then Some(Json.Flag true) else None

    /// The message as `/_emulator/state`, `/_emulator/messages` and the live events show it.
    let toJson message =
        let error =
            match message.Progress with
            | Failed code ->
                Some(Json.Fields [ "code", Json.Whole code; "title", Json.Text(GraphError.title code) ])
            | _ -> None

        Json.sparse [
            "id", Some(Json.Text message.Id)
            "customer", Some(Json.Text message.CustomerId)
            "number", Some(Json.Text message.NumberId)
            "from",
            Some(
                Json.Text(
                    if message.Author = ByCustomer then
                        "customer"
                    else
                        "business"
                )
            )
            "at", Some(Json.Whole(message.At.ToUnixTimeMilliseconds()))
            "content", Some message.Content
            "context", message.Context |> Option.map Json.Text
            "callback", message.Callback |> Option.map Json.Text
            "status", Some(Json.Text(progressName message.Progress))
            "error", error
            "chosen", message.Chosen |> Option.map Json.Text
            "reaction", message.Reaction |> Option.map Json.Text
            "ownReaction", message.OwnReaction |> Option.map Json.Text
            "edited", whenTrue message.Edited
            "revoked", whenTrue message.Revoked
            "rendered", message.Rendered
        ]

    /// Reads back what `toJson` wrote; `None` when a field is missing.
    let ofJson value =
        let text name = Json.textAt [ name ] value

        let flag name =
            Json.given name value = Some(Json.Flag true)

        let progress =
            match text "status" with
            | Some "sent" -> Sent
            | Some "delivered" -> Delivered
            | Some "read" -> Read
            | Some "failed" ->
                let code = Json.givenAt [ "error"; "code" ] value |> Option.bind Json.asNumber
                Failed(code |> Option.map int |> Option.defaultValue 131000)
            | _ -> Waiting

        let at = Json.given "at" value |> Option.bind Json.asNumber

        match text "id", text "customer", at, Json.given "content" value with
        | Some id, Some customer, Some at, Some content ->
            let author =
                if text "from" = Some "business" then
                    ByBusiness
                else
                    ByCustomer

            let number = text "number" |> Option.defaultValue ""
            let at = DateTimeOffset.FromUnixTimeMilliseconds(int64 at)

            Some {
                create id customer number author at content with
                    Context = text "context"
                    Callback = text "callback"
                    Progress = progress
                    Chosen = text "chosen"
                    Reaction = text "reaction"
                    OwnReaction = text "ownReaction"
                    Edited = flag "edited"
                    Revoked = flag "revoked"
                    Rendered = Json.given "rendered" value
            }
        | _ -> None
