namespace FunctionalBot.Domain

/// The ticket as a form instead of one question after the other, where the host offers it. The form stands in place of
/// the first question: whoever writes instead of filling it in is asked step by step, and may send the form all the
/// same until the ticket is sent.
module internal FormFilling =
    open Decision

    // Meta's codes for what is wrong with the form itself: a parameter that it does not take, such as a flow that is
    // not there (100, 131008, 131009), a blocked one, and one that was sent too often.
    let private faults = [ 100; 131008; 131009; 132068; 132069 ]

    let private forget decision =
        decision |> change (fun session -> { session with Form = None })

    /// Begins a ticket of which nothing was told yet, to be filled in with this form.
    let private enterEmpty (form: CommandKey option) decision =
        let draft = {
            Draft.empty with
                Files = Attachments.loose decision.Session
        }

        decision
        |> enter (TicketCreation(draft, AskingTitle))
        |> change (fun session -> { session with Form = form })

    /// Offers the form; its token is the key of the message that shows it.
    let private offerForm decision =
        let key = nextKey decision

        decision
        |> enterEmpty (Some key)
        |> invite (ToFillForm(CommandKey.text key)) FillForm

    /// Begins a ticket. What the assistant understood already would be lost in an empty form, so that then only what is
    /// missing is asked for.
    let begin' (hints: TicketHints) decision =
        let session = decision.Session

        if
            session.Circumstances.HasForm
            && Session.owedTicket session = None
            && Draft.fillIn hints Draft.empty = Draft.empty
        then
            offerForm decision
        else
            decision |> forget |> TicketDialogue.begin' hints

    /// Nothing was said since the form was shown, so that a text answers what stands beside it.
    let private wasJustShown (session: Session) =
        session.Form.IsSome && session.Delivery.LastSaid = session.Form

    /// A turn of text within the dialogue. Who would rather be asked than fill in the form is asked.
    let takeText (text: string) (draft: Draft) step decision =
        if wasJustShown decision.Session && Rules.asksForSteps text then
            decision |> Undelivered.forget |> TicketDialogue.askAgain draft step
        else
            decision |> TicketDialogue.takeText text draft step

    /// Whether the answer is that of the form that was shown last. One that does not say of which form it is can only
    /// be of that one.
    let private isOfLast (form: FormAnswer) (session: Session) : bool =
        match form.Token, session.Form with
        | None, Some _ -> true
        | Some token, Some key -> token = CommandKey.text key
        | _, None -> false

    /// Whether the answer is that of the form that was shown for the ticket that is being told.
    let counts (form: FormAnswer) (session: Session) : bool =
        isOfLast form session && Session.hasOpenForm session

    let private fetch (files: FileRequest list) decision : CommandKey list * Decision =
        ((([]: CommandKey list), decision), files)
        ||> List.fold (fun (keys, decision) file ->
            match Attachments.fetchFile file decision with
            | Attachments.Fetched key, decision -> keys @ [ key ], decision
            | Attachments.NoRoom, decision
            | Attachments.NoFile, decision -> keys, decision)

    /// Takes over what was filled in: all of it right, the ticket is shown to be confirmed; else it goes on step by
    /// step from the first field that is wrong. What was filled in takes the place of what was told before.
    let take (form: FormAnswer) decision =
        match decision.Session.Phase with
        | TicketCreation(before, _) ->
            let keys, decision = fetch form.Files decision
            let filled, problems = TicketForm.read form.Fields

            let draft = {
                filled with
                    Files = before.Files @ keys
            }

            match problems with
            | (field, problem) :: _ ->
                decision
                |> TicketDialogue.askField field draft (Some(FieldRejected(field, problem)))
            | [] when keys.Length < form.Files.Length ->
                decision |> TicketDialogue.proceed draft (Some(TooManyFiles CustomerFile.most))
            | [] -> decision |> TicketDialogue.proceed draft None
        | Conversing _
        | WithAgent _
        | Closed _ -> decision

    /// What the team calls a field. A name that is none of ours stays as it came.
    let private label (name: string) =
        match TicketForm.named name with
        | Some TitleField -> "Título"
        | Some DescriptionField -> "Descripción"
        | Some EmailField -> "Correo"
        | None -> name

    let private line (name: string, text: string) = label name + ": " + text

    /// Whether a ticket can begin with it: something was filled in, and it is not the form of the ticket that was sent
    /// last, which must not come twice.
    let private canBegin (form: FormAnswer) (session: Session) : bool =
        Session.owedTicket session = None
        && not (isOfLast form session)
        && form.Fields
           |> List.exists (fun (name, text) -> (TicketForm.named name).IsSome && not (TypedText.isBlank text))

    /// A form that is not the one that counts now. What the customer took the trouble to fill in is not lost where it
    /// was never sent: the team gets it, or a ticket begins with it, which goes nowhere without a yes; so it is where
    /// the session had ended meanwhile. Else it says that the form is old, and asks again what was asked.
    let takeStale (form: FormAnswer) decision =
        match decision.Session.Phase with
        | Conversing _ when canBegin form decision.Session ->
            decision |> enterEmpty (form.Token |> Option.bind CommandKey.parse) |> take form
        | TicketCreation(draft, step) -> decision |> TicketDialogue.repeat draft step FormIsStale
        | WithAgent(creation, told) ->
            let keys, decision = fetch form.Files decision
            let words = form.Fields |> List.map line

            {
                decision with
                    Answering = Some form.Message
            }
            |> Attachments.assign creation keys
            |> HandOver.passOn creation told (String.concat "\n" ("[formulario]" :: words))
        | Conversing(Some _, _) -> decision |> say ThatFormIsStale [ OpenTicket; TalkToPerson ]
        | Conversing(None, _) -> decision |> offer TicketOffered ThatFormIsStale [ OpenTicket; TalkToPerson ]
        | Closed _ -> decision

    /// Whether the form itself is why its message did not go out, and the customer waits for it still.
    let isRefused (command: CommandKey) (code: int) (session: Session) : bool =
        session.Form = Some command
        && List.contains code faults
        && session.Delivery.LastSaid = Some command
        && Session.hasOpenForm session

    /// Asks in words what the form would have asked. It may have been the first message, so that who is speaking is
    /// said again.
    let goStepByStep decision =
        match decision.Session.Phase with
        | TicketCreation(draft, step) ->
            decision
            |> forget
            |> change (fun session -> { session with Introduced = false })
            |> TicketDialogue.askAgain draft step
        | Conversing _
        | WithAgent _
        | Closed _ -> decision
