namespace FunctionalBot.Effects.Replay

open FunctionalBot.Domain
open FunctionalBot.Effects

/// Commands as operators read them.
module CommandWords =
    /// An instant as UTC in full, which sorts as text.
    let instant (at: System.DateTimeOffset) : string = at.UtcDateTime.ToString "O"

    let private quoted (text: string) = "\"" + text + "\""

    let private phrase (phrase: Phrase) =
        match phrase with
        | Answer(text, _) -> "Answer " + quoted text
        | AnswerCutShort text -> "AnswerCutShort " + quoted text
        | other -> Json.write other

    /// One line: what is to be done, with its texts.
    let text (action: Action) : string =
        match action with
        | Say utterance ->
            let choices =
                match utterance.Choices |> List.map Choice.id with
                | [] -> ""
                | ids -> " [" + String.concat ", " ids + "]"

            "say " + phrase utterance.Phrase + choices
        | MarkRead(MessageId message) -> "mark-read " + message
        | AskAssistant question ->
            $"ask-assistant turn %d{question.Turn} (%s{StoredName.assistant question.Assistant})"
        | CreateTicket(ticket, _) -> "create-ticket " + quoted (TicketTitle.value ticket.Title)
        | AddToTicket(_, note) -> "add-to-ticket " + quoted note
        | LookUpTickets _ -> "look-up-tickets"
        | FetchFile request ->
            let (MessageId message) = request.Message
            $"fetch-file %s{StoredName.mediaKind request.Kind} of %s{message}"
        | AttachToTicket(_, file) -> "attach-to-ticket " + quoted file.Name
        | React(MessageId message, emoji) -> $"react %s{emoji} to %s{message}"
        | SetTimer(timer, due) -> $"set-timer %s{StoredName.timer timer} %s{instant due}"
        | CancelTimer timer -> "cancel-timer " + StoredName.timer timer

    /// The shape of an action without its texts: what stays the same when personal data is replaced.
    let outline (action: Action) : string =
        match action with
        | Say utterance ->
            let said =
                match utterance.Phrase with
                | Ask(question, notice) ->
                    let notice =
                        match notice with
                        | Some(FieldRejected(field, problem)) -> $"FieldRejected %A{field} %A{problem}"
                        | Some(FileRejected(kind, _)) -> "FileRejected " + StoredName.mediaKind kind
                        | Some(CannotRead kind) -> "CannotRead " + StoredName.mediaKind kind
                        | Some other -> $"%A{other}"
                        | None -> ""

                    let question =
                        match question with
                        | IsThisRight ticket -> $"IsThisRight email=%b{ticket.Email.IsSome}"
                        | other -> $"%A{other}"

                    $"Ask %s{question} %s{notice}"
                | YourTickets tickets -> $"YourTickets %d{tickets.Length}"
                | other ->
                    // A union case's name stands before its data.
                    ($"%A{other}").Split([| ' '; '\n' |])[0]

            let choices = utterance.Choices |> List.map Choice.id |> String.concat ","
            $"say %s{said} %s{choices} %s{Language.code utterance.Language}"
        | AskAssistant question -> $"%s{text action} %A{question.Hint} %s{Language.code question.Language}"
        | CreateTicket(ticket, _) -> $"create-ticket %A{ticket.Purpose} email=%b{ticket.Email.IsSome}"
        | SetTimer _
        | CancelTimer _ -> text action
        | MarkRead _
        | AddToTicket _
        | AttachToTicket _
        | LookUpTickets _ -> CommandKind.ofAction action
        | FetchFile request -> "fetch-file " + StoredName.mediaKind request.Kind
        | React(_, emoji) -> "react " + emoji
