namespace FunctionalBot.Domain

/// What a customer does, gathered into turns: a burst of texts is one, a button is one at once.
module internal Turns =
    open Decision

    let private messageOf item =
        match item with
        | GatheredText(message, _)
        | GatheredFile(message, _, _) -> message

    let private textOf item =
        match item with
        | GatheredText(_, text) -> Some text
        | GatheredFile _ -> None

    let private lengthOf item =
        match item with
        | GatheredText(_, text) -> text.Length
        | GatheredFile _ -> 0

    /// Whether the message is among those that wait for the quiet time.
    let isGathered message (session: Session) =
        match session.Gathering with
        | Some gathering -> gathering.Items |> List.exists (fun item -> messageOf item = message)
        | None -> false

    /// Whether taking the message back changes anything.
    let canTakeBack message session =
        isGathered message session
        || not (Attachments.ofMessage message session).IsEmpty

    /// So much waits, at most; what comes then is the next turn. It keeps the saved session small.
    let private fits items item =
        List.length items < 40 && List.sumBy lengthOf items + lengthOf item <= 16_384

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

    /// Tells of lost messages ahead of what a button or a file brings. A lost question needs no word: what comes now
    /// asks it again or goes on from it.
    let private hearOfLost decision =
        if Undelivered.isQuestionLost decision.Session then
            Undelivered.forget decision
        else
            Undelivered.apologise decision

    /// The words of a turn, once its files are taken in.
    let private takeWords (text: string) decision =
        match decision.Session.Phase with
        | Conversing(_, offered) -> decision |> Undelivered.apologise |> Conversation.takeText text offered
        | TicketCreation(draft, step) -> decision |> FormFilling.takeText text draft step
        | WithAgent(creation, told) ->
            decision
            |> Undelivered.apologise
            |> Conversation.takeTextForAgent text creation told
        | Closed _ -> decision

    /// The files of a turn that has words too. The assistant cannot look at them, so that is said ahead of its answer.
    let private takeFilesBeside kind (keys: CommandKey list) decision =
        match decision.Session.Phase with
        | TicketCreation _ -> decision |> TicketDialogue.addFiles keys
        | Conversing _ -> decision |> say (FilesAreKept(kind, keys.Length)) []
        | WithAgent(creation, _) -> decision |> Attachments.assign creation keys
        | Closed _ -> decision

    /// The files of a turn without words.
    let private takeFilesAlone kind (keys: CommandKey list) decision =
        let decision = hearOfLost decision

        match decision.Session.Phase with
        | TicketCreation _ -> decision |> TicketDialogue.takeFiles keys
        | Conversing _ -> decision |> Conversation.takeFiles kind keys.Length
        | WithAgent(creation, _) -> decision |> Attachments.assign creation keys
        | Closed _ -> decision

    /// Whether a file still has its turn before it: it was not refused meanwhile, and no ticket has it.
    let private isUntaken (key: CommandKey) (session: Session) =
        Attachments.isLoose key session
        && match session.Phase with
           | TicketCreation(draft, _) -> not (List.contains key draft.Files)
           | Conversing _
           | WithAgent _
           | Closed _ -> true

    /// A whole turn: what came in one breath.
    let private takeTurn (items: Gathered list) decision =
        let decision = {
            decision with
                Answering = items |> List.tryLast |> Option.map messageOf
        }

        let files =
            items
            |> List.choose (function
                | GatheredFile(_, kind, key) when isUntaken key decision.Session -> Some(kind, key)
                | GatheredFile _
                | GatheredText _ -> None)

        match items |> List.choose textOf, files with
        | [], [] -> decision
        | [], (kind, _) :: _ -> decision |> takeFilesAlone kind (List.map snd files)
        | texts, [] -> decision |> takeWords (String.concat "\n" texts)
        | texts, (kind, _) :: _ ->
            decision
            |> takeFilesBeside kind (List.map snd files)
            |> takeWords (String.concat "\n" texts)

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
            |> takeTurn gathering.Items

    /// Adds what one message brought to what waits. With no quiet time it is a turn by itself.
    let private gatherItems message (items: Gathered list) decision =
        let quiet = decision.Session.Policy.Quiet

        if quiet <= System.TimeSpan.Zero then
            decision |> perform (MarkRead message) |> takeTurn items
        else
            let waiting decision =
                match decision.Session.Gathering with
                | Some gathering -> gathering.Items
                | None -> []

            let decision =
                if items |> List.forall (fits (waiting decision)) then
                    decision
                else
                    decision |> takeGathered true

            let earlier = waiting decision

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
                            Items = earlier @ items
                            Timer = key
                            Due = due
                        }
            })

    /// Forgets what waits.
    let private dropGathered decision =
        match decision.Session.Gathering with
        | None -> decision
        | Some _ ->
            decision
            |> perform (CancelTimer QuietTimer)
            |> change (fun session -> { session with Gathering = None })

    /// A wish for silence waits for nothing. What was written just before it needs no answer any more; the team gets
    /// what was for the team.
    let private takeSilence message decision =
        let decision = decision |> perform (MarkRead message)

        let decision =
            match decision.Session.Phase with
            | WithAgent _ -> decision |> takeGathered true
            | Conversing _
            | TicketCreation _
            | Closed _ -> decision |> dropGathered

        decision |> Undelivered.forget |> Consent.optOut

    /// A text waits for what follows it, and is a turn together with that.
    let takeText message (text: string) decision =
        if Rules.asksForSilence text then
            decision |> takeSilence message
        else
            decision |> gatherItems message [ GatheredText(message, text) ]

    let private lookAt (media: CustomerMedia) decision =
        decision |> perform (MarkRead media.Message) |> takeGathered true |> hearOfLost

    /// What brings neither a file nor words that count as written.
    let private takeUnreadable (media: CustomerMedia) decision =
        let decision = decision |> lookAt media

        match decision.Session.Phase with
        | Conversing _ -> decision |> Conversation.takeMedia media.Kind
        | TicketCreation(draft, step) -> decision |> TicketDialogue.takeMedia media.Kind draft step
        | WithAgent(creation, told) -> decision |> HandOver.passOnMedia media creation told
        | Closed _ -> decision

    let private takeTooMany (media: CustomerMedia) decision =
        let decision = decision |> lookAt media

        match decision.Session.Phase with
        | TicketCreation(draft, step) -> decision |> TicketDialogue.tooManyFiles draft step
        | Conversing _ -> Conversation.tooManyFiles decision
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
            |> gatherItems media.Message (GatheredFile(media.Message, media.Kind, key) :: said)
        | (Attachments.NoRoom, decision), _ -> decision |> takeTooMany media
        | (Attachments.NoFile, decision), [] -> decision |> takeUnreadable media
        | (Attachments.NoFile, decision), said -> decision |> gatherItems media.Message said

    /// A file, a place or a card. For the team each goes on by itself.
    let takeMedia (media: CustomerMedia) decision =
        match decision.Session.Phase with
        | Conversing _
        | TicketCreation _
        | Closed _ -> decision |> takeMediaForBot media
        | WithAgent _ ->
            let decision = decision |> takeGathered true |> hearOfLost

            match decision.Session.Phase with
            | WithAgent(creation, told) ->
                decision
                |> perform (MarkRead media.Message)
                |> HandOver.passOnMedia media creation told
            // What had been written just before took the conversation back from the team.
            | Conversing _
            | TicketCreation _
            | Closed _ -> decision |> takeMediaForBot media

    /// Takes what was written before a button, where it answers a question or is for the team. While the
    /// two simply talk, the button says what is wanted and the words beside it need no answer of their own.
    let private takeBefore decision =
        match decision.Session.Phase with
        | Conversing _ -> decision |> dropGathered
        | TicketCreation _
        | WithAgent _
        | Closed _ -> decision |> takeGathered true

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
        | None -> decision |> takeTurn [ GatheredText(picked.Message, picked.Title) ]
        | Some gathering ->
            let items = gathering.Items @ [ GatheredText(picked.Message, picked.Title) ]

            decision
            |> change (fun session -> {
                session with
                    Gathering = Some { gathering with Items = items }
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

    /// A form that was filled in. What was written just before is taken first.
    let takeForm (form: FormAnswer) decision =
        let decision =
            decision |> perform (MarkRead form.Message) |> takeBefore |> hearOfLost

        if FormFilling.counts form decision.Session then
            decision |> FormFilling.take form
        else
            decision |> FormFilling.takeStale form

    let private waitFor (gathering: Gathering) items decision =
        decision
        |> change (fun session -> {
            session with
                Gathering = Some { gathering with Items = items }
        })

    /// An edited text replaces the one that still waits; later it is a new thing said. The words on a file that waits
    /// are replaced too, or added.
    let takeEdit message original (text: string) decision =
        match decision.Session.Gathering with
        | Some gathering when isGathered original decision.Session ->
            let isIts item =
                messageOf item = original && (textOf item).IsSome

            let items =
                if List.exists isIts gathering.Items then
                    gathering.Items
                    |> List.map (fun item -> if isIts item then GatheredText(original, text) else item)
                else
                    gathering.Items @ [ GatheredText(original, text) ]

            decision |> waitFor gathering items
        | _ -> decision |> takeText message text

    /// A message that is taken back is forgotten where it still waits, and its file where it belongs to no ticket yet.
    let takeRevocation original decision =
        let files = Attachments.ofMessage original decision.Session

        let decision =
            if files.IsEmpty then
                decision
            else
                decision |> TicketDialogue.takeBackFiles files

        match decision.Session.Gathering with
        | None -> decision
        | Some gathering ->
            match gathering.Items |> List.filter (fun item -> messageOf item <> original) with
            | [] -> decision |> dropGathered
            | items -> decision |> waitFor gathering items
