namespace FunctionalBot.Effects

open System
open System.Text.Json
open System.Threading.Tasks

/// A message that Meta has looked at ahead of its use.
type MessageTemplate = {
    Name: string
    /// For example "es" or "en_US".
    Language: string
    /// APPROVED, PENDING, REJECTED, PAUSED, DISABLED.
    Status: string
    /// UTILITY, MARKETING, AUTHENTICATION.
    Category: string
    Quality: string option
    Body: string
    /// The places of the body that a sender fills in, in their order: "1", "2", or names.
    Parameters: string list
    /// What a sender has to fill in elsewhere (a header's file, a button's address), which this program cannot.
    NeedsMore: bool
}

/// Templates: which there are, and sending one. Nothing here is retried.
module WhatsAppTemplates =
    open LenientJson
    open WhatsAppSetUp

    /// The names of "{{1}}" or "{{name}}" in a text, each once.
    let private placesOf (text: string) : string list =
        let rec search (from: int) found =
            match text.IndexOf("{{", from, StringComparison.Ordinal) with
            | -1 -> List.rev found
            | start ->
                match text.IndexOf("}}", start, StringComparison.Ordinal) with
                | -1 -> List.rev found
                | close -> search (close + 2) (text.Substring(start + 2, close - start - 2).Trim() :: found)

        search 0 [] |> List.distinct

    let private template (entry: JsonElement) : MessageTemplate option =
        let components = list "components" entry

        let kind (element: JsonElement) =
            (text "type" element |> Option.defaultValue "").ToUpperInvariant()

        let body =
            components
            |> List.tryFind (fun element -> kind element = "BODY")
            |> Option.bind (text "text")
            |> Option.defaultValue ""

        let needsMore (element: JsonElement) =
            match kind element with
            | "BODY"
            | "FOOTER" -> false
            | "HEADER" ->
                (text "format" element |> Option.defaultValue "TEXT").ToUpperInvariant()
                <> "TEXT"
                || not (placesOf (text "text" element |> Option.defaultValue "")).IsEmpty
            | "BUTTONS" ->
                list "buttons" element
                |> List.exists (fun button ->
                    match kind button with
                    | "QUICK_REPLY"
                    | "PHONE_NUMBER" -> false
                    | "URL" -> not (placesOf (text "url" button |> Option.defaultValue "")).IsEmpty
                    | _ -> true)
            | _ -> true

        match filled "name" entry, filled "language" entry with
        | Some name, Some language ->
            Some {
                Name = name
                Language = language
                Status = text "status" entry |> Option.defaultValue "UNKNOWN"
                Category = text "category" entry |> Option.defaultValue "UNKNOWN"
                Quality =
                    field "quality_score" entry
                    |> Option.bind (fun quality ->
                        match quality.ValueKind with
                        | JsonValueKind.Object -> filled "score" quality
                        | _ -> asText quality)
                Body = body
                Parameters = placesOf body
                NeedsMore = List.exists needsMore components
            }
        | _ -> None

    /// The templates of an account, all or those of a name. Meta gives them page by page, 250 of them at most and each
    /// in several languages.
    let all
        settings
        client
        (account: string)
        (name: string option)
        token
        : Task<Result<MessageTemplate list, SetUpFailure>> =
        let path =
            String.concat "" [
                escaped account
                "/message_templates?fields=name,language,status,category,quality_score,components&limit=100"
                match name with
                | Some name -> "&name=" + escaped name
                | None -> ()
            ]

        pages settings client path template token

    /// Sends a template from the settings' number, with the texts for its body's places in their order. Returns Meta's
    /// id of the message. It is sent once: where no answer came, nobody knows whether it went.
    let send
        (settings: WhatsAppSettings)
        client
        (recipient: Recipient)
        (template: MessageTemplate)
        (texts: string list)
        token
        : Task<Result<string, SetUpFailure>> =
        // A place with a name is filled in by it.
        let atPlace (place: string) (text: string) : TemplateText = {
            Place =
                if Seq.forall Char.IsAsciiDigit place then
                    None
                else
                    Some place
            Text = text
        }

        let template: Template = {
            Name = template.Name
            Language = template.Language
            Parameters = List.map2 atPlace template.Parameters texts
            Payloads = []
        }

        let read root =
            list "messages" root |> List.tryHead |> Option.bind (filled "id")

        let path = escaped settings.PhoneNumberId + "/messages"
        postJson settings client path (WhatsAppRequest.template recipient template) read token
