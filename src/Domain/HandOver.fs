namespace FunctionalBot.Domain

/// Giving the conversation to the team, and passing on to it what the customer sends then.
module internal HandOver =
    open Decision

    let private wish = "El cliente pidió por WhatsApp hablar con una persona."

    /// What the customer had written of a ticket goes along, so that nobody has to tell it twice.
    let private describe (draft: Draft) =
        let line name value =
            value |> Option.map (fun text -> name + ": " + text)

        [
            Some wish
            line "Título del ticket empezado" (draft.Title |> Option.map TicketTitle.value)
            line
                "Descripción"
                (draft.Description
                 |> Option.map (TicketDescription.value >> TypedText.beginning 3500))
        ]
        |> List.choose id
        |> String.concat "\n"

    /// The texts are Spanish, since the team reads them; made by code, they are valid for certain.
    let private ticketFor (customer: Customer) (draft: Draft) : Ticket option =
        let name = customer.Name |> Option.defaultValue ""

        let title = "Quiere hablar con una persona: " + TypedText.beginning 60 name

        match TicketTitle.create title, TicketDescription.create (describe draft) with
        | Ok title, Ok description ->
            Some {
                Purpose = HandOver
                Title = title
                Description = description
                Email = None
                Files = None
            }
        | _ -> None

    /// What is said of the team: that it comes, or when it will be there.
    let private orAway phrase decision =
        match decision.Session.Circumstances.Opening with
        | OpenNow -> phrase
        | ClosedUntil _ as opening -> TeamIsAway opening

    /// Gives the conversation to the team, with the files that belong to no ticket. A ticket that is on its way, or
    /// that the team has already, gets a note; else one marked for a person is opened, which the customer asked for in
    /// so many words.
    let begin' decision =
        let session = decision.Session

        let draft =
            match session.Phase with
            | TicketCreation(draft, _) -> draft
            | Conversing _
            | WithAgent _
            | Closed _ -> Draft.empty

        let coming creation decision =
            decision
            |> enter (WithAgent(creation, false))
            |> Attachments.assign creation (Attachments.loose session)
            |> say (orAway PersonIsComing decision) [ ReturnToBot ]

        let remember creation owed decision =
            decision
            |> change (fun session -> {
                session with
                    Owed = owed
                    HandedOver = Some creation
            })

        match session.HandedOver, Session.owedTicket session, ticketFor session.Customer draft with
        | Some creation, owed, _ ->
            decision
            |> remember creation owed
            |> perform (AddToTicket(creation, describe draft))
            |> coming creation
        | None, Some owed, _ ->
            decision
            |> remember owed.Key (Some owed)
            |> perform (AddToTicket(owed.Key, wish))
            |> coming owed.Key
        | None, None, Some ticket ->
            let owed, decision = createTicket ticket decision
            decision |> remember owed.Key (Some owed) |> coming owed.Key
        | None, None, None -> decision |> say PersonIsComing []

    /// On a message that was passed on without a word, so that the customer sees that it was.
    let private acknowledgement = "✅"

    /// Passes something on to the team. The first time the customer is told so, from then on by an emoji on the
    /// message.
    let passOn creation told (note: string) decision =
        let note =
            match TypedText.shown note with
            | "" -> "[mensaje vacío]"
            | words -> words

        let decision = decision |> perform (AddToTicket(creation, note))

        if not told then
            decision
            |> enter (WithAgent(creation, true))
            |> say (orAway PassedOnToPerson decision) [ ReturnToBot ]
        else
            match decision.Answering with
            | Some message -> decision |> perform (React(message, acknowledgement))
            | None -> decision

    let private kindName kind =
        match kind with
        | Image -> "imagen"
        | Video -> "vídeo"
        | VoiceNote -> "nota de voz"
        | Audio -> "audio"
        | Document -> "documento"
        | Sticker -> "sticker"
        | Location -> "ubicación"
        | ContactCard -> "contacto"
        | Unsupported -> "mensaje no compatible"

    /// What a person can read of the content; the JSON of other elements says nothing to the team.
    let private readable (media: CustomerMedia) =
        match media.Kind with
        | Location
        | ContactCard -> media.Content
        | Image
        | Video
        | VoiceNote
        | Audio
        | Document
        | Sticker
        | Unsupported -> None

    /// Passes a message without text on to the team: the note says what came, and a file goes to the ticket.
    let passOnMedia (media: CustomerMedia) creation told decision =
        let taken, decision = Attachments.fetch media decision

        let kept =
            match taken with
            | Attachments.Fetched _
            | Attachments.NoFile -> None
            | Attachments.NoRoom -> Some "(no se guardó: ya hay demasiados archivos en esta conversación)"

        let parts = [
            Some("[" + kindName media.Kind + "]")
            media.FileName |> Option.map TypedText.shownOnOneLine
            media.Caption
            readable media
            kept
        ]

        let decision =
            match taken with
            | Attachments.Fetched key -> decision |> Attachments.assign creation [ key ]
            | Attachments.NoFile
            | Attachments.NoRoom -> decision

        {
            decision with
                Answering = Some media.Message
        }
        |> passOn creation told (parts |> List.choose id |> String.concat " ")
