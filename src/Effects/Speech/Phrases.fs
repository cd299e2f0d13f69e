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

    /// The message that says this. No choice makes a text, one to three make buttons, more make a list (of
    /// the first ten). An answer of the assistant that is too long for buttons is sent whole as a text that
    /// names the choices at its end; anything else that is too long is cut at the end of a sentence.
    let render (book: PhraseBook) (business: Business) (utterance: Utterance) : OutboundMessage =
        let language = book.Of utterance.Language
        let choices = offered language utterance.Choices
        let limit = if List.isEmpty choices then textLimit else interactiveLimit

        let speaker = {
            Book = language
            Business = business
            Safe = WhatsAppMarkup.literal
            Limit = limit
        }

        let phrase =
            match utterance.Phrase with
            | Answer(text, introduce) -> Answer(MarkdownAnswer.toWhatsApp text, introduce)
            | AnswerCutShort text -> AnswerCutShort(MarkdownAnswer.toWhatsApp text)
            | other -> other

        let said = spoken speaker utterance phrase
        let isAnswer = phrase.IsAnswer || phrase.IsAnswerCutShort

        match choices with
        | [] -> TextMessage(Graphemes.cutAtSentence textLimit said)
        | _ when isAnswer && said.Length > limit ->
            let titles =
                choices
                |> List.map (fun (_, title, _) -> "«" + title + "»")
                |> String.concat ", "

            let options = PhraseText.say speaker Wording.OptionsInWords [ "options", titles ]
            TextMessage(Graphemes.cutAtSentence (textLimit - options.Length - 2) said + "\n\n" + options)
        | _ when List.length choices <= 3 ->
            let buttons = choices |> List.map (fun (id, title, _) -> id, title)
            ButtonMessage(Graphemes.cutAtSentence limit said, buttons)
        | _ ->
            ListMessage(
                Graphemes.cutAtSentence limit said,
                PhraseText.simply speaker Wording.ListButton,
                choices
            )

    /// The same as plain text of any length, as the assistant reads it in the thread: what was said, then
    /// the choices in brackets.
    let renderText (book: PhraseBook) (business: Business) (utterance: Utterance) : string =
        let language = book.Of utterance.Language

        let speaker = {
            Book = language
            Business = business
            Safe = id
            Limit = Int32.MaxValue
        }

        match offered language utterance.Choices with
        | [] -> spoken speaker utterance utterance.Phrase
        | choices ->
            let titles = choices |> List.map (fun (_, title, _) -> title) |> String.concat " | "
            spoken speaker utterance utterance.Phrase + "\n[" + titles + "]"
