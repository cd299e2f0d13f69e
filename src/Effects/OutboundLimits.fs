namespace FunctionalBot.Effects

open System
open System.Globalization
open System.Text
open FunctionalBot.Domain

/// A part of a message that Meta bounds.
[<RequireQualifiedAccess>]
type LimitedPart =
    | Text
    /// What stands above buttons, a list, a link or a request.
    | Body
    | Buttons
    | ButtonId
    | ButtonTitle
    /// The button that opens a list.
    | ListButton
    | Rows
    | RowId
    | RowTitle
    | RowDescription
    /// The button that opens a form.
    | FormButton
    | LinkLabel
    | Caption
    | FileName
    | CallbackData

/// What Meta takes in one message (references: Meta's pages on messages, and its OpenAPI file where that is
/// stricter). Lengths are UTF-16 units, the strictest way in which Meta could count.
module OutboundLimits =
    /// The most units of a part, or the most buttons or rows.
    let most part =
        match part with
        | LimitedPart.Text -> 4096
        | LimitedPart.Body -> 1024
        | LimitedPart.Buttons -> 3
        | LimitedPart.ButtonId -> 256
        | LimitedPart.ButtonTitle -> 20
        | LimitedPart.ListButton -> 20
        | LimitedPart.Rows -> 10
        | LimitedPart.RowId -> 200
        | LimitedPart.RowTitle -> 24
        | LimitedPart.RowDescription -> 72
        | LimitedPart.FormButton -> 30
        | LimitedPart.LinkLabel -> 20
        | LimitedPart.Caption -> 1024
        // Meta names no limit; longer names are cut on phones and refused by file systems.
        | LimitedPart.FileName -> 240
        | LimitedPart.CallbackData -> 512

    /// Bytes of a picture that is shown as one; a larger one can be sent as a document.
    let imageBytes = 5L * 1024L * 1024L

    /// Bytes of any file.
    let fileBytes = 100L * 1024L * 1024L

    /// The types of picture that are shown as one.
    let imageTypes = [ "image/jpeg"; "image/png" ]

    /// Symbols, and what only changes how one looks; marks that belong to letters are none. The button of a form takes
    /// no such thing.
    let isEmoji (rune: Rune) : bool =
        match Rune.GetUnicodeCategory rune with
        | UnicodeCategory.OtherSymbol
        | UnicodeCategory.EnclosingMark
        | UnicodeCategory.Format
        | UnicodeCategory.Surrogate
        | UnicodeCategory.PrivateUse -> true
        | UnicodeCategory.ModifierSymbol -> rune.Value > 0x7F
        | UnicodeCategory.NonSpacingMark -> rune.Value >= 0xFE00 && rune.Value <= 0xFE0F
        | UnicodeCategory.Control -> rune.Value <> int '\n'
        | _ -> false

    /// What a part is called when it is too long.
    let private name part =
        match part with
        | LimitedPart.Text -> "the text"
        | LimitedPart.Body -> "the text above the buttons"
        | LimitedPart.Buttons -> "the list of buttons"
        | LimitedPart.ButtonId -> "a button's id"
        | LimitedPart.ButtonTitle -> "a button's title"
        | LimitedPart.ListButton -> "the title of the list's button"
        | LimitedPart.Rows -> "the list of rows"
        | LimitedPart.RowId -> "a row's id"
        | LimitedPart.RowTitle -> "a row's title"
        | LimitedPart.RowDescription -> "a row's description"
        | LimitedPart.FormButton -> "the title of the form's button"
        | LimitedPart.LinkLabel -> "the link's label"
        | LimitedPart.Caption -> "the caption"
        | LimitedPart.FileName -> "the file's name"
        | LimitedPart.CallbackData -> "the callback data"

    let private isWhole (text: string) = text.Trim() = text

    let private size part length = [
        if length > most part then
            $"%s{name part} has %d{length}, at most %d{most part} are taken"
    ]

    /// A text that must be there.
    let private required part (text: string) = [
        if String.IsNullOrWhiteSpace text then
            $"%s{name part} is blank"
        yield! size part text.Length
    ]

    let private identifier part (text: string) = [
        yield! required part text

        if not (isWhole text) then
            $"%s{name part} has a blank at an end"
    ]

    let private distinct part texts = [
        if List.distinct texts <> texts then
            $"%s{name part} occurs twice"
    ]

    let private count part items = [
        if List.isEmpty items then
            $"%s{name part} is empty"
        yield! size part items.Length
    ]

    /// UTF-16 units; longer addresses are not opened by every phone.
    let private longestAddress = 2000

    /// Whether WhatsApp opens the address.
    let isWebAddress (address: string) : bool =
        match Uri.TryCreate(address, UriKind.Absolute) with
        | true, NonNull uri ->
            (uri.Scheme = Uri.UriSchemeHttps || uri.Scheme = Uri.UriSchemeHttp)
            && address.Length <= longestAddress
            && not (Seq.exists Char.IsWhiteSpace address)
        | _ -> false

    let private webAddress (address: string) = [
        if not (isWebAddress address) then
            "the link's address is none of the web"
    ]

    let private file (uploaded: UploadedFile) caption = [
        if uploaded.Id = "" then
            "the file has no id"
        match caption with
        | Some text -> yield! required LimitedPart.Caption text
        | None -> ()
    ]

    let private template (template: Template) = [
        if String.IsNullOrWhiteSpace template.Name then
            "the template has no name"
        if String.IsNullOrWhiteSpace template.Language then
            "the template has no language"
        if
            template.Parameters
            |> List.exists (fun place -> String.IsNullOrWhiteSpace place.Text)
        then
            "a place of the template would be blank"
    ]

    /// What Meta would refuse the message for. Nothing of what it says is in the reasons.
    let problems (message: OutboundMessage) : string list =
        match message with
        | TextMessage body -> required LimitedPart.Text body
        | ButtonMessage(body, buttons) -> [
            yield! required LimitedPart.Body body
            yield! count LimitedPart.Buttons buttons
            yield! distinct LimitedPart.ButtonId (List.map fst buttons)
            yield! distinct LimitedPart.ButtonTitle (List.map snd buttons)

            for id, title in buttons do
                yield! identifier LimitedPart.ButtonId id
                yield! required LimitedPart.ButtonTitle title
          ]
        | ListMessage(body, button, rows) -> [
            yield! required LimitedPart.Body body
            yield! required LimitedPart.ListButton button
            yield! count LimitedPart.Rows rows
            yield! distinct LimitedPart.RowId (rows |> List.map (fun (id, _, _) -> id))

            for id, title, description in rows do
                yield! identifier LimitedPart.RowId id
                yield! required LimitedPart.RowTitle title

                match description with
                | Some text -> yield! required LimitedPart.RowDescription text
                | None -> ()
          ]
        | FormMessage invitation -> [
            yield! required LimitedPart.Body invitation.Body
            yield! required LimitedPart.FormButton invitation.Button

            if Seq.exists isEmoji (invitation.Button.EnumerateRunes()) then
                $"%s{name LimitedPart.FormButton} has an emoji"
          ]
        | LinkMessage(body, label, address) ->
            required LimitedPart.Body body
            @ required LimitedPart.LinkLabel label
            @ webAddress address
        | LocationRequest body
        | ContactRequest body -> required LimitedPart.Body body
        | ImageMessage(uploaded, caption) -> file uploaded caption
        | DocumentMessage(uploaded, caption) ->
            file uploaded caption @ required LimitedPart.FileName uploaded.Name
        | TemplateMessage filledIn -> template filledIn
        | ReactionMessage(MessageId target, _) -> [
            if target = "" then
                "the reaction is on no message"
          ]

    /// What Meta would refuse it for, with what goes beside the message.
    let problemsOf (outgoing: Outgoing) : string list = [
        yield! problems outgoing.Message
        yield! size LimitedPart.CallbackData outgoing.Callback.Length

        if outgoing.Recipient.Phone.IsNone && outgoing.Recipient.BusinessScopedId.IsNone then
            "neither a phone number nor an id of the customer is known"
    ]
