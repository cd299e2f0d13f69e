namespace FunctionalBot.Effects

open FunctionalBot.Domain

/// The flow that tickets are filled in with.
type TicketFlow = {
    Name: FlowName
    Mode: FlowMode
    /// Whether `POST /flow` is there to be asked for the screen. Without it the screen goes along with the message, and
    /// the fields are checked once they are sent.
    HasEndpoint: bool
}

/// The message that offers the ticket's form.
module FormSpeech =
    /// `Phrases.render`, for utterances that may offer the form too. Where the flow was taken out of the settings since
    /// the form was offered, the first question stands in its place: that is what the session waits for as well.
    let render
        (book: PhraseBook)
        (business: Business)
        (flow: TicketFlow option)
        (utterance: Utterance)
        (uploaded: UploadedFile option)
        : OutboundMessage =
        let plain utterance =
            Phrases.render book business { utterance with Invitation = None } None

        match utterance.Invitation, flow with
        | Some(ToFillForm token), Some flow ->
            let language = book.Of utterance.Language

            let body =
                match plain { utterance with Choices = [] } with
                | TextMessage body -> body
                | _ -> FlowScreen.words language Wording.FillForm

            FormMessage {
                Body = Graphemes.cutAtSentence (OutboundLimits.most LimitedPart.Body) body
                Button = FormBody.button (FlowScreen.words language Wording.FormButton)
                Flow = flow.Name
                Mode = flow.Mode
                Token = token
                Screen =
                    if flow.HasEndpoint then
                        None
                    else
                        // Nobody checks the fields before they are sent, so that the form can be sent at once.
                        Some(FlowScreen.json language true [])
            }
        | Some(ToFillForm _), None ->
            plain {
                utterance with
                    Phrase = Ask(WhichTitle, None)
                    Choices = [ CancelTicket ]
            }
        | _ -> Phrases.render book business utterance uploaded
