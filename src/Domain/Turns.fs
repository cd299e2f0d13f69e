namespace FunctionalBot.Domain

/// What a customer does, gathered into turns: a burst of texts is one, a button is one at once.
module internal Turns =
    open Decision

    /// Whether the message is among those that wait for the quiet time.
    let isGathered message (session: Session) =
        match session.Gathering with
        | Some gathering -> gathering.Texts |> List.exists (fun (id, _) -> id = message)
        | None -> false

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

    /// A whole turn: what was written in one breath, and its last message.
    let private takeTurn message (text: string) decision =
        let decision = { decision with Answering = message }

        match decision.Session.Phase with
        | Conversing(_, offered) -> decision |> Undelivered.apologise |> Conversation.takeText text offered
        | TicketCreation(draft, step) ->
            decision |> TicketDialogue.takeText Conversation.handOver text draft step
        | WithAgent(creation, told) ->
            decision
            |> Undelivered.apologise
            |> Conversation.takeTextForAgent text creation told
        | Closed _ -> decision

    /// Tells of lost messages ahead of what a button or a file brings. A lost question needs no word: what comes now
    /// asks it again or goes on from it.
    let private hearOfLost decision =
        if Undelivered.isQuestionLost decision.Session then
            Undelivered.forget decision
        else
            Undelivered.apologise decision

    /// Ends the gathering: the texts so far are one turn. `andCancel` where the timer has not elapsed by
    /// itself.
    let takeGathered andCancel decision =
        match decision.Session.Gathering with
        | None -> decision
        | Some gathering ->
            let decision = decision |> change (fun session -> { session with Gathering = None })

            (if andCancel then
                 decision |> perform (CancelTimer QuietTimer)
             else
                 decision)
            |> takeTurn
                (gathering.Texts |> List.tryLast |> Option.map fst)
                (gathering.Texts |> List.map snd |> String.concat "\n")

    /// Adds a text to those that wait. With no quiet time it is a turn by itself.
    let gather message (text: string) decision =
        let quiet = decision.Session.Policy.Quiet

        if quiet <= System.TimeSpan.Zero then
            decision |> perform (MarkRead message) |> takeTurn (Some message) text
        else
            let earlier =
                match decision.Session.Gathering with
                | Some gathering -> gathering.Texts
                | None -> []

            let decision =
                if earlier.IsEmpty then
                    decision |> perform (MarkRead message)
                else
                    decision

            let key = nextKey decision
            let due = decision.At + quiet

            decision
            |> perform (SetTimer(QuietTimer, due))
            |> change (fun session -> {
                session with
                    Gathering =
                        Some {
                            Texts = earlier @ [ message, text ]
                            Timer = key
                            Due = due
                        }
            })

    /// The words on a file count as written, but for the team, which gets the file with them.
    let takeMedia (media: CustomerMedia) decision =
        let words = media.Caption |> Option.filter (fun caption -> caption.Trim() <> "")

        match words, decision.Session.Phase with
        | Some caption, (Conversing _ | TicketCreation _ | Closed _) ->
            decision |> gather media.Message caption
        | words, _ ->
            let decision =
                decision |> perform (MarkRead media.Message) |> takeGathered true |> hearOfLost

            match decision.Session.Phase, words with
            | WithAgent(creation, told), _ -> decision |> Conversation.takeMediaForAgent media creation told
            // What had been written just before took the conversation back from the team.
            | _, Some caption -> decision |> takeTurn (Some media.Message) caption
            | Conversing _, None -> decision |> Conversation.takeMedia media.Kind
            | TicketCreation(draft, step), None -> decision |> TicketDialogue.takeMedia media.Kind draft step
            | Closed _, None -> decision

    /// Takes what was written before a button, where it answers a question or is for the team. While the
    /// two simply talk, the button says what is wanted and the words beside it need no answer of their own.
    let private takeBefore decision =
        match decision.Session.Phase, decision.Session.Gathering with
        | _, None -> decision
        | Conversing _, Some _ ->
            decision
            |> perform (CancelTimer QuietTimer)
            |> change (fun session -> { session with Gathering = None })
        | _ -> decision |> takeGathered true

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
        | _ when System.String.IsNullOrWhiteSpace picked.Title -> decision |> hearOfLost |> takeStale
        | None -> decision |> takeTurn (Some picked.Message) picked.Title
        | Some gathering ->
            let texts = gathering.Texts @ [ picked.Message, picked.Title ]

            decision
            |> change (fun session -> {
                session with
                    Gathering = Some { gathering with Texts = texts }
            })
            |> takeGathered true

    /// A choice that was never offered. Within the ticket dialogue its words are no answer: nobody was asked what
    /// stands on it.
    let private takeUnknownChoice (picked: CustomerChoice) decision =
        match decision.Session.Phase with
        | TicketCreation _ -> decision |> takeBefore |> hearOfLost |> takeStale
        | Conversing _
        | WithAgent _
        | Closed _ -> decision |> takeUnknownWords picked

    /// A button, or the row of a list.
    let takeChoice (picked: CustomerChoice) decision =
        let decision = decision |> perform (MarkRead picked.Message)

        match Choice.ofId picked.ChoiceId with
        | None -> decision |> takeUnknownChoice picked
        | Some choice ->
            let decision = decision |> takeBefore |> hearOfLost

            match decision.Session.Phase with
            | TicketCreation(draft, step) ->
                match TicketDialogue.takeChoice choice draft step decision with
                | Some decision -> decision
                | None -> decision |> Conversation.takeChoice choice
            | Conversing _
            | WithAgent _ -> decision |> Conversation.takeChoice choice
            | Closed _ -> decision

    /// An edited text replaces the one that still waits; later it is a new thing said.
    let takeEdit message original (text: string) decision =
        match decision.Session.Gathering with
        | Some gathering when isGathered original decision.Session ->
            let texts =
                gathering.Texts
                |> List.map (fun (id, earlier) -> id, (if id = original then text else earlier))

            decision
            |> change (fun session -> {
                session with
                    Gathering = Some { gathering with Texts = texts }
            })
        | _ -> decision |> gather message text

    let takeRevocation original decision =
        match decision.Session.Gathering with
        | None -> decision
        | Some gathering ->
            match gathering.Texts |> List.filter (fun (id, _) -> id <> original) with
            | [] ->
                decision
                |> perform (CancelTimer QuietTimer)
                |> change (fun session -> { session with Gathering = None })
            | texts ->
                decision
                |> change (fun session -> {
                    session with
                        Gathering = Some { gathering with Texts = texts }
                })
