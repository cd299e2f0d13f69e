namespace FunctionalBot.Effects

open System
open System.Text.Json
open System.Text.RegularExpressions
open FunctionalBot.Domain

/// The names under which Marten knows a type of event.
module MartenName =
    let private upperRun =
        Regex(@"(\P{Ll})(\P{Ll}\p{Ll})", RegexOptions.CultureInvariant)

    let private caseChange = Regex(@"(\p{Ll})(\P{Ll})", RegexOptions.CultureInvariant)

    /// Marten's ClassicTypeName, its default: the type's short name in snake case ("TextReceived" →
    /// "text_received").
    let alias (typeName: string) =
        let split = caseChange.Replace(upperRun.Replace(typeName, "$1 $2"), "$1 $2")
        split.ToLowerInvariant().Replace(' ', '_')

    /// What Marten writes to `mt_dotnet_type`: full name and short assembly name.
    let dotnetType (recordType: Type) =
        String.Concat(recordType.FullName, ", ", recordType.Assembly.GetName().Name)

/// Unions of the domain as texts. The texts are stored for ever: add to them, never change one.
module internal StoredName =
    let mediaKind =
        function
        | Image -> "image"
        | Video -> "video"
        | VoiceNote -> "voice-note"
        | Audio -> "audio"
        | Document -> "document"
        | Sticker -> "sticker"
        | Location -> "location"
        | ContactCard -> "contact-card"
        | Unsupported -> "other"

    let intent =
        function
        | WantsTicket -> "wants-ticket"
        | WantsTicketStatus -> "wants-ticket-status"
        | WantsPerson -> "wants-person"
        | WantsHelp -> "wants-help"
        | WantsToCancel -> "wants-to-cancel"
        | WantsToGoBack -> "wants-to-go-back"
        | WantsToSkip -> "wants-to-skip"
        | WantsToChange None -> "wants-to-change"
        | WantsToChange(Some TitleField) -> "wants-to-change:title"
        | WantsToChange(Some DescriptionField) -> "wants-to-change:description"
        | WantsToChange(Some EmailField) -> "wants-to-change:email"
        | WantsBot -> "wants-bot"
        | WantsSilence -> "wants-silence"
        | WantsToHear -> "wants-to-hear"
        | SaysYes -> "says-yes"
        | SaysNo -> "says-no"
        | Greets -> "greets"
        | Leaves -> "leaves"
        | AsksSomething -> "asks-something"

    let sentiment =
        function
        | Pleased -> "pleased"
        | Neutral -> "neutral"
        | Upset -> "upset"

    let assistant =
        function
        | Primary -> "primary"
        | StandIn -> "stand-in"

    let timer =
        function
        | QuietTimer -> "quiet"
        | IdleTimer -> "idle"

    /// Reads what `name` wrote for one of the values.
    let private reader what (name: 'Value -> string) (values: 'Value list) =
        let byName = values |> List.map (fun value -> name value, value) |> dict

        fun (text: string) ->
            match byName.TryGetValue text with
            | true, value -> value
            | false, _ ->
                raise (JsonException(String.Concat("unknown ", what, " '", String.Concat(text, "'"))))

    let toMediaKind =
        reader "kind of media" mediaKind [
            Image
            Video
            VoiceNote
            Audio
            Document
            Sticker
            Location
            ContactCard
            Unsupported
        ]

    let toIntent =
        reader "intent" intent [
            WantsTicket
            WantsTicketStatus
            WantsPerson
            WantsHelp
            WantsToCancel
            WantsToGoBack
            WantsToSkip
            WantsToChange None
            WantsToChange(Some TitleField)
            WantsToChange(Some DescriptionField)
            WantsToChange(Some EmailField)
            WantsBot
            WantsSilence
            WantsToHear
            SaysYes
            SaysNo
            Greets
            Leaves
            AsksSomething
        ]

    let toSentiment = reader "sentiment" sentiment [ Pleased; Neutral; Upset ]
    let toAssistant = reader "assistant" assistant [ Primary; StandIn ]
    let toTimer = reader "timer" timer [ QuietTimer; IdleTimer ]

    let toLanguage = reader "language" Language.code [ Spanish; English; Portuguese ]

    /// The name of a problem with a file, and what it says beside it: a text, what the file is, bytes.
    let fileProblem =
        function
        | FileTooLarge limit -> "too-large", None, None, Some limit
        | FileTypeRefused mimeType -> "type-refused", Some mimeType, None, None
        | FileTypeLies(claimed, found) -> "type-lies", Some claimed, Some found, None
        | FileDamaged -> "damaged", None, None, None
        | FileInfected -> "infected", None, None, None
        | FileGone -> "gone", None, None, None
        | FileUnreachable reason -> "unreachable", Some reason, None, None

    let toFileProblem (name: string) (detail: string option) (found: string option) (limit: int64 option) =
        let text = Option.defaultValue ""

        match name with
        | "too-large" -> FileTooLarge(Option.defaultValue 0L limit)
        | "type-refused" -> FileTypeRefused(text detail)
        | "type-lies" -> FileTypeLies(text detail, text found)
        | "damaged" -> FileDamaged
        | "infected" -> FileInfected
        | "gone" -> FileGone
        | "unreachable" -> FileUnreachable(text detail)
        | other -> raise (JsonException(String.Concat("unknown problem with a file '", other, "'")))

    let toOpening (name: string) (until: DateTimeOffset option) (holiday: string option) =
        match name with
        | "open" -> OpenNow
        | "closed" -> ClosedUntil(until, holiday)
        | other -> raise (JsonException(String.Concat("unknown opening '", other, "'")))

    let toKey text =
        match CommandKey.parse text with
        | Some key -> key
        | None -> raise (JsonException(String.Concat("'", text, "' is not the key of a command")))

    let ofMessage (MessageId text) = text

/// The alias and the .NET name of a stored type, worked out once.
[<AbstractClass; Sealed>]
type internal Kind<'Record> private () =
    static member val Alias = MartenName.alias typeof<'Record>.Name
    static member val DotnetType = MartenName.dotnetType typeof<'Record>
