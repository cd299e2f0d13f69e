namespace FunctionalBot.Domain

/// What comes from a customer, by its kind: texts and files wait for what follows them, a button or a form is a turn at
/// once, an edit changes what waits.
module internal Messages =
    open Decision

    /// Whether taking the message back changes anything.
    let canTakeBack message session =
        Turns.isGathered message session
        || not (Attachments.ofMessage message session).IsEmpty

    /// The language changes with the customer while they simply talk; within a ticket it stays, since a
    /// title may well be in another.
    let listen (text: string) decision =
        match decision.Session.Phase with
        | Conversing _ ->
            match Rules.languageOf text with
            | Some language when language <> decision.Session.Language ->
                decision |> change (fun session -> { session with Language = language })
            | Some _
            | None -> decision
        | TicketCreation _
        | WithAgent _
        | Closed _ -> decision

    /// A wish for silence waits for nothing. What was written just before it needs no answer any more; the team gets
    /// what was for the team.
    let private takeSilence message decision =
        let decision = decision |> perform (MarkRead message)

        let decision =
            match decision.Session.Phase with
            | WithAgent _ -> decision |> Turns.takeGathered true
            | Conversing _
            | TicketCreation _
            | Closed _ -> decision |> Turns.dropGathered

        decision |> Undelivered.forget |> Consent.optOut

    /// Whether a wish for silence would change nothing: it was answered before, and nothing goes on.
    let private isSilent (session: Session) =
        match session.Phase with
        | Conversing(None, _) ->
            session.Circumstances.OptedOut
            && session.Gathering.IsNone
            && session.LookUp.IsNone
        | Conversing(Some _, _)
        | TicketCreation _
        | WithAgent _
        | Closed _ -> false

    /// A text waits for what follows it, and is a turn together with that. Who wants silence again is not written to
    /// again.
    let takeText message (text: string) decision =
        if not (Rules.asksForSilence text) then
            decision |> Turns.gather message [ GatheredText(message, text) ]
        elif isSilent decision.Session then
            decision |> perform (MarkRead message) |> perform (React(message, "👍"))
        else
            decision |> takeSilence message

    let private lookAt (media: CustomerMedia) decision =
        decision
        |> perform (MarkRead media.Message)
        |> Turns.takeGathered true
        |> Turns.hearOfLost

    /// What brings neither a file nor words that count as written.
    let private takeUnreadable (media: CustomerMedia) decision =
        let decision = decision |> lookAt media

        match decision.Session.Phase with
        | Conversing _ -> decision |> Conversation.takeMedia media.Kind
        | TicketCreation(draft, step) -> decision |> TicketDialogue.takeMedia media.Kind draft step
        | WithAgent(creation, told) -> decision |> HandOver.passOnMedia media creation told
        | Closed _ -> decision

    /// A file that is one too many. The words on it are taken all the same.
    let private takeTooMany (media: CustomerMedia) (said: Gathered list) decision =
        let decision = decision |> lookAt media

        let takeWords decision =
            match said with
            | [] -> decision
            | said -> decision |> Turns.gather media.Message said

        match decision.Session.Phase with
        | TicketCreation(draft, step) -> decision |> TicketFiles.tooMany draft step |> takeWords
        | Conversing _ -> Conversation.tooManyFiles decision |> takeWords
        | WithAgent(creation, told) -> decision |> HandOver.passOnMedia media creation told
        | Closed _ -> decision

    /// Files that come together are one turn with the words on them and around them.
    let private takeMediaForBot (media: CustomerMedia) decision =
        let said =
            match media.Caption with
            | Some caption when caption.Trim() <> "" -> [ GatheredText(media.Message, caption) ]
            | Some _
            | None -> []

        match Attachments.fetch media decision, said with
        | (Attachments.Fetched key, decision), said ->
            decision
            |> Turns.gather media.Message (GatheredFile(media.Message, media.Kind, key) :: said)
        | (Attachments.NoRoom, decision), said -> decision |> takeTooMany media said
        | (Attachments.NoFile, decision), [] -> decision |> takeUnreadable media
        | (Attachments.NoFile, decision), said -> decision |> Turns.gather media.Message said

    /// A file, a place or a card. For the team each goes on by itself.
    let takeMedia (media: CustomerMedia) decision =
        match decision.Session.Phase with
        | Conversing _
        | TicketCreation _ -> decision |> takeMediaForBot media
        | Closed _ -> decision
        | WithAgent _ ->
            let decision = decision |> Turns.takeGathered true |> Turns.hearOfLost

            match decision.Session.Phase with
            | WithAgent(creation, told) ->
                decision
                |> perform (MarkRead media.Message)
                |> HandOver.passOnMedia media creation told
            // What had been written just before took the conversation back from the team, or ended it.
            | Conversing _
            | TicketCreation _ -> decision |> takeMediaForBot media
            | Closed _ -> decision

    /// Takes what was written before a button, where it answers a question or is for the team. While the
    /// two simply talk, the button says what is wanted and the words beside it need no answer of their own.
    let private takeBefore decision =
        match decision.Session.Phase with
        | Conversing _ -> decision |> Turns.dropGathered
        | TicketCreation _
        | WithAgent _
        | Closed _ -> decision |> Turns.takeGathered true

    /// Says that the button is none of those that count now, and asks again what was asked.
    let private takeStale decision =
        match decision.Session.Phase with
        | TicketCreation(draft, step) -> decision |> TicketDialogue.repeat draft step ButtonIsStale
        | Conversing _
        | WithAgent _ -> decision |> Conversation.takeStaleChoice
        | Closed _ -> decision

    /// Outside the ticket dialogue a choice that this version does not know is what stands on it, as if typed: the last
    /// line of what waits, and not an answer to a question that those lines are only about to lead to.
    let private takeUnknownWords (picked: CustomerChoice) decision =
        match decision.Session.Gathering with
        | _ when System.String.IsNullOrWhiteSpace picked.Title -> decision |> Turns.hearOfLost |> takeStale
        | None -> decision |> Turns.takeTurn [ GatheredText(picked.Message, picked.Title) ]
        | Some gathering ->
            let items = gathering.Items @ [ GatheredText(picked.Message, picked.Title) ]

            decision
            |> change (fun session -> {
                session with
                    Gathering = Some { gathering with Items = items }
            })
            |> Turns.takeGathered true

    /// A choice that was never offered. Within the ticket dialogue its words are no answer: nobody was asked what
    /// stands on it.
    let private takeUnknownChoice (picked: CustomerChoice) decision =
        match decision.Session.Phase with
        | TicketCreation _ -> decision |> takeBefore |> Turns.hearOfLost |> takeStale
        | Conversing _
        | WithAgent _
        | Closed _ -> decision |> takeUnknownWords picked

    /// A button, or the row of a list.
    let takeChoice (picked: CustomerChoice) decision =
        let decision = decision |> perform (MarkRead picked.Message)

        match Choice.ofId picked.ChoiceId with
        | None -> decision |> takeUnknownChoice picked
        | Some choice ->
            let decision = decision |> takeBefore |> Turns.hearOfLost

            match decision.Session.Phase with
            | TicketCreation(draft, step) ->
                match TicketDialogue.takeChoice choice draft step decision with
                | Some decision -> decision
                | None -> decision |> Conversation.takeChoice choice
            | Conversing _
            | WithAgent _ -> decision |> Conversation.takeChoice choice
            | Closed _ -> decision

    /// A form that was filled in. What was written just before is taken first.
    let takeForm (form: FormAnswer) decision =
        let decision =
            decision |> perform (MarkRead form.Message) |> takeBefore |> Turns.hearOfLost

        if FormFilling.counts form decision.Session then
            decision |> FormFilling.take form
        else
            decision |> FormFilling.takeStale form

    /// An edited text replaces the one that still waits; later it is a new thing said. The words on a file that waits
    /// are replaced too, or added.
    let takeEdit message original (text: string) decision =
        match decision.Session.Gathering with
        | Some gathering when Turns.isGathered original decision.Session ->
            let isIts item =
                Turns.messageOf item = original && (Turns.textOf item).IsSome

            let items =
                if List.exists isIts gathering.Items then
                    gathering.Items
                    |> List.map (fun item -> if isIts item then GatheredText(original, text) else item)
                else
                    gathering.Items @ [ GatheredText(original, text) ]

            decision |> Turns.waitFor gathering items
        | _ -> decision |> takeText message text

    /// A message that is taken back is forgotten where it still waits, and its file where it belongs to no ticket yet.
    let takeRevocation original decision =
        let files = Attachments.ofMessage original decision.Session

        let decision =
            if files.IsEmpty then
                decision
            else
                decision |> TicketFiles.takeBack files

        match decision.Session.Gathering with
        | None -> decision
        | Some gathering ->
            match gathering.Items |> List.filter (fun item -> Turns.messageOf item <> original) with
            | [] -> decision |> Turns.dropGathered
            | items -> decision |> Turns.waitFor gathering items
