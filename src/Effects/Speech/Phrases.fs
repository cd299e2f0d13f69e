namespace FunctionalBot.Effects

open System
open FunctionalBot.Domain

/// Turns what the bot means into what WhatsApp shows. Pure and total: every phrase, with whatever a
/// customer, the assistant or Odoo put into it, becomes a message within WhatsApp's limits.
module Phrases =
    let private textLimit = OutboundLimits.most LimitedPart.Text
    let private interactiveLimit = OutboundLimits.most LimitedPart.Body

    /// Id, title and description of each kind of choice once (equal titles are refused), at most as many as
    /// a list has rows.
    let private offered (book: LanguageBook) (choices: Choice list) =
        choices
        |> List.distinctBy Wording.choiceKey
        |> List.truncate (OutboundLimits.most LimitedPart.Rows)
        |> List.map (fun choice ->
            match Map.tryFind (Wording.choiceKey choice) book.Choices with
            | Some wording -> Choice.id choice, wording.Title, wording.Description
            | None -> Choice.id choice, Graphemes.cut PhraseBook.titleLimit (Choice.id choice), None)

    /// The words, with who is speaking ahead of them where that has to be said.
    let private spoken (speaker: Voice) (utterance: Utterance) phrase =
        match utterance.Introduce with
        | Some true ->
            let ahead = PhraseText.introduction speaker + "\n\n"

            ahead
            + PhraseText.body
                {
                    speaker with
                        Limit = speaker.Limit - ahead.Length
                }
                phrase
        | Some false
        | None -> PhraseText.body speaker phrase

    /// Reads the wording of every language from a folder, or says everything that is wrong with it, each
    /// problem with its file and key.
    let load (folder: string) : Result<PhraseBook, string list> = PhraseBook.load folder

    /// The wording with what another folder says otherwise, key by key.
    let over (book: PhraseBook) (folder: string) : Result<PhraseBook, string list> =
        PhraseBook.over book folder

    /// Ends with the tail, and has room for it.
    let private withTail limit (tail: string) (said: string) =
        if tail = "" then
            Graphemes.cutAtSentence limit said
        else
            Graphemes.cutAtSentence (limit - tail.Length - 2) said + "\n\n" + tail

    /// The choices in words, for a message that cannot have them as buttons. "" for none.
    let private optionsInWords speaker choices =
        let titles =
            choices
            |> List.map (fun (_, title, _) -> "«" + title + "»")
            |> String.concat ", "

        if titles = "" then
            ""
        else
            PhraseText.say speaker Wording.OptionsInWords [ "options", titles ]

    let private paragraphs (texts: string list) =
        texts |> List.filter (fun text -> text <> "") |> String.concat "\n\n"

    /// A text, or what can be pressed below it. An answer that is too long for buttons is a text that names the
    /// choices.
    let private withChoices speaker isAnswer choices (said: string) =
        match choices with
        | [] -> TextMessage(Graphemes.cutAtSentence textLimit said)
        | _ when isAnswer && said.Length > interactiveLimit ->
            TextMessage(withTail textLimit (optionsInWords speaker choices) said)
        | _ when List.length choices <= OutboundLimits.most LimitedPart.Buttons ->
            let buttons = choices |> List.map (fun (id, title, _) -> id, title)
            ButtonMessage(Graphemes.cutAtSentence interactiveLimit said, buttons)
        | _ ->
            ListMessage(
                Graphemes.cutAtSentence interactiveLimit said,
                PhraseText.simply speaker Wording.ListButton,
                choices
            )

    /// What the customer is asked to do by WhatsApp's own means. A message has no choices besides: they follow in
    /// words. An address that is none of the web is left out.
    let private invitation speaker isAnswer choices (said: string) invited =
        let options = optionsInWords speaker choices

        match invited with
        | ToOpenLink(label, address) when OutboundLimits.isWebAddress address ->
            let label = Graphemes.cut (OutboundLimits.most LimitedPart.LinkLabel) (label.Trim())

            let link = if label = "" then address else label + ": " + address
            let tail = paragraphs [ link; options ]

            if label = "" || (isAnswer && said.Length > interactiveLimit) then
                TextMessage(withTail textLimit tail said)
            else
                LinkMessage(withTail interactiveLimit options said, label, address)
        | ToShareLocation -> LocationRequest(withTail interactiveLimit options said)
        | ToSharePhone -> ContactRequest(withTail interactiveLimit options said)
        | ToOpenLink _
        | ToFillForm _ -> withChoices speaker isAnswer choices said

    /// A picture that WhatsApp shows as one, else a document.
    let private withFile speaker choices (said: string) (size: int64) (uploaded: UploadedFile) =
        let caption =
            Some(withTail (OutboundLimits.most LimitedPart.Caption) (optionsInWords speaker choices) said)

        if
            List.contains uploaded.MimeType OutboundLimits.imageTypes
            && size <= OutboundLimits.imageBytes
        then
            ImageMessage(uploaded, caption)
        else
            let name = Graphemes.start (OutboundLimits.most LimitedPart.FileName) uploaded.Name

            DocumentMessage({ uploaded with Name = name }, caption)

    /// The message that says this. A file has the words as its caption. Without one, an invitation makes a message of
    /// its kind; no choice makes a text, one to three make buttons, more make a list (of the first ten). An answer of
    /// the assistant that is too long for buttons is sent whole as a text that names the choices at its end; anything
    /// else that is too long is cut at the end of a sentence.
    let render
        (book: PhraseBook)
        (business: Business)
        (utterance: Utterance)
        (uploaded: UploadedFile option)
        : OutboundMessage =
        let language = book.Of utterance.Language
        let choices = offered language utterance.Choices

        let isPlain = choices.IsEmpty && utterance.Invitation.IsNone && uploaded.IsNone

        let speaker = {
            Book = language
            Business = business
            Safe = WhatsAppMarkup.literal
            Limit = if isPlain then textLimit else interactiveLimit
        }

        let phrase =
            match utterance.Phrase with
            | Answer(text, introduce) -> Answer(MarkdownAnswer.toWhatsApp text, introduce)
            | AnswerCutShort text -> AnswerCutShort(MarkdownAnswer.toWhatsApp text)
            | other -> other

        let said = spoken speaker utterance phrase
        let isAnswer = phrase.IsAnswer || phrase.IsAnswerCutShort

        match uploaded, utterance.Invitation with
        | Some file, _ ->
            let size = utterance.File |> Option.map _.Size |> Option.defaultValue 0L
            withFile speaker choices said size file
        | None, Some invited -> invitation speaker isAnswer choices said invited
        | None, None -> withChoices speaker isAnswer choices said

    /// The same as plain text of any length, as the assistant reads it in the thread: what was said, then a link,
    /// a file's name and the choices in brackets.
    let renderText (book: PhraseBook) (business: Business) (utterance: Utterance) : string =
        let language = book.Of utterance.Language

        let speaker = {
            Book = language
            Business = business
            Safe = id
            Limit = Int32.MaxValue
        }

        let below = [
            match utterance.Invitation with
            | Some(ToOpenLink(label, address)) -> label + ": " + address
            | _ -> ()

            match utterance.File with
            | Some file -> file.Name
            | None -> ()

            for _, title, _ in offered language utterance.Choices do
                title
        ]

        match below with
        | [] -> spoken speaker utterance utterance.Phrase
        | below ->
            spoken speaker utterance utterance.Phrase
            + "\n["
            + String.concat " | " below
            + "]"
