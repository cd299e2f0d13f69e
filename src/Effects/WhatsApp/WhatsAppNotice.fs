namespace FunctionalBot.Effects

open System
open System.Text.Json

/// What a notice of Meta's about the account, the number or the templates means for operators.
type NoticeWeight =
    /// Something was taken away, or will be.
    | Alarming
    /// Something changed that somebody should know.
    | Remarkable
    /// Something is in order.
    | GoodNews

/// A notice of Meta's that is meant for operators, not for the conversation.
type AccountNotice = {
    /// What it is about, as a service's name: "whatsapp-account", "whatsapp-number" and so on.
    Service: string
    Weight: NoticeWeight
    /// The field and what it tells, in Meta's words for machines; nothing personal.
    Told: string
    /// What was told of the service before is over.
    EndsTrouble: bool
}

/// Reads the webhook fields that tell operators something. Their values differ from field to field and grow without
/// notice, so that only words which stand for one thing (RESTRICTED, FLAGGED) are looked for; one that is not known is
/// told too.
module WhatsAppNotice =
    open LenientJson

    let private services =
        Map [
            "account_update", "whatsapp-account"
            "account_alerts", "whatsapp-account"
            "account_review_update", "whatsapp-account"
            "business_capability_update", "whatsapp-account"
            "business_status_update", "whatsapp-account"
            "payment_configuration_update", "whatsapp-account"
            "phone_number_quality_update", "whatsapp-number"
            "phone_number_name_update", "whatsapp-number"
            "security", "whatsapp-security"
            "message_template_status_update", "whatsapp-templates"
            "message_template_quality_update", "whatsapp-templates"
            "message_template_components_update", "whatsapp-templates"
            "template_category_update", "whatsapp-templates"
        ]

    /// Where the words are that say what happened.
    let private places = [
        [ "event" ]
        [ "decision" ]
        [ "current_limit" ]
        [ "new_quality_score" ]
        [ "reason" ]
        [ "rejection_reason" ]
        [ "alert_severity" ]
        [ "alert_status" ]
        [ "alert_type" ]
        [ "alert_info"; "alert_severity" ]
        [ "alert_info"; "alert_status" ]
        [ "alert_info"; "alert_type" ]
        [ "ban_info"; "waba_ban_state" ]
        [ "violation_info"; "violation_type" ]
        [ "restriction_info"; "restriction_type" ]
    ]

    let private bad =
        set [
            "ACCOUNT_DELETED"
            "ACCOUNT_RESTRICTION"
            "ACCOUNT_VIOLATION"
            "BLOCKED"
            "CRITICAL"
            "DISABLE"
            "DISABLED"
            "DISABLED_UPDATE"
            "DOWNGRADE"
            "FLAGGED"
            "PARTNER_APP_UNINSTALLED"
            "PARTNER_REMOVED"
            "PAUSED"
            "PIN_CHANGED"
            "PIN_RESET_REQUEST"
            "PIN_RESET_SUCCESS"
            "RED"
            "REJECTED"
            "SCHEDULE_FOR_DISABLE"
        ]

    let private good =
        set [ "APPROVED"; "GREEN"; "ONBOARDING"; "UPGRADE"; "VERIFIED_ACCOUNT" ]

    // What undoes what was told before, whatever else is said beside it.
    let private over = set [ "REINSTATE"; "UNFLAGGED" ]

    /// What ignored entries of such notices begin with.
    let private beginning = "told to operators: "

    let rec private wordAt (path: string list) (element: JsonElement) : string option =
        match path with
        | [] -> None
        | [ name ] -> filled name element
        // Restrictions come as a list.
        | name :: rest -> list name element |> List.tryHead |> Option.bind (wordAt rest)

    /// A word of Meta's for machines. Sentences and numbers may hold what is nobody's business.
    let private isPlain (word: string) =
        word.Length <= 60
        && word |> Seq.forall (fun unit -> Char.IsAsciiLetterOrDigit unit || unit = '_')
        && word |> Seq.exists Char.IsAsciiLetter

    /// What a field's value tells. None for a field that is not for operators.
    let private tell (fieldName: string) (value: JsonElement option) : AccountNotice option =
        Map.tryFind fieldName services
        |> Option.map (fun service ->
            let words =
                match value with
                | Some value ->
                    places
                    |> List.choose (fun path -> wordAt path value)
                    |> List.filter isPlain
                    |> List.distinct
                | None -> []

            let has known =
                words |> List.exists (fun word -> Set.contains (word.ToUpperInvariant()) known)

            {
                Service = service
                Weight =
                    if has over then GoodNews
                    elif has bad then Alarming
                    elif has good then GoodNews
                    else Remarkable
                Told =
                    fieldName
                    + ": "
                    + (if words.IsEmpty then
                           "no word is known"
                       else
                           String.concat ", " words)
                EndsTrouble = has over
            })

    /// The notice in one element of `changes`, as it is kept. None where it is none, or cannot be read.
    let ofChange (raw: string) : AccountNotice option =
        try
            use document = JsonDocument.Parse(raw, JsonDocumentOptions(MaxDepth = maximumDepth))
            let change = document.RootElement

            filled "field" change
            |> Option.bind (fun name -> tell (name.Trim()) (field "value" change))
        with
        | :? JsonException
        | :? InvalidOperationException -> None

    /// Why a change of another field than `messages` is ignored: what operators were told of it, or that nobody was.
    let reasonOf (fieldName: string) (raw: string) : string =
        match ofChange raw with
        | Some notice -> beginning + notice.Told
        | None -> "a notice of another field: " + fieldName

    /// The notice that an update is.
    let ofUpdate (update: Update) : AccountNotice option =
        match update with
        | NothingToDo(_, reason, raw) when reason.StartsWith(beginning, StringComparison.Ordinal) ->
            ofChange raw
        | NothingToDo _
        | NotUnderstood _
        | CustomerDid _
        | PersonMoved _
        | StatusCame _ -> None
