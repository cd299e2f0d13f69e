namespace FunctionalBot.Domain

/// What a customer writes and sends in one breath, gathered into one turn.
module internal Turns =
    open Decision

    let messageOf item =
        match item with
        | GatheredText(message, _)
        | GatheredFile(message, _, _) -> message

    let textOf item =
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

    /// So much waits, at most; what comes then is the next turn. It keeps the saved session small.
    let private fits items item =
        List.length items < 40 && List.sumBy lengthOf items + lengthOf item <= 16_384

    /// Tells of lost messages ahead of what a button or a file brings. A lost question needs no word: what comes now
    /// asks it again or goes on from it.
    let hearOfLost decision =
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
        | TicketCreation _ -> decision |> TicketFiles.add keys
        | Conversing _ -> decision |> say (FilesAreKept(kind, keys.Length)) []
        | WithAgent(creation, _) -> decision |> Attachments.assign creation keys
        | Closed _ -> decision

    /// The files of a turn without words.
    let private takeFilesAlone kind (keys: CommandKey list) decision =
        let decision = hearOfLost decision

        match decision.Session.Phase with
        | TicketCreation _ -> decision |> TicketFiles.take keys
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
    let takeTurn (items: Gathered list) decision =
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

    let private itemsOf (session: Session) =
        match session.Gathering with
        | Some gathering -> gathering.Items
        | None -> []

    /// Adds to what waits, for the whole quiet time from now on.
    let private wait message (items: Gathered list) decision =
        let earlier = itemsOf decision.Session

        let decision =
            if earlier.IsEmpty then
                decision |> perform (MarkRead message)
            else
                decision

        let key = nextKey decision
        let due = decision.At + decision.Session.Policy.Quiet

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

    /// Adds what one message brought to what waits. With no quiet time it is a turn by itself.
    let gather message (items: Gathered list) decision =
        if decision.Session.Policy.Quiet <= System.TimeSpan.Zero then
            decision |> perform (MarkRead message) |> takeTurn items
        elif items |> List.forall (fits (itemsOf decision.Session)) then
            decision |> wait message items
        else
            let decision = decision |> takeGathered true

            // What had waited may have been a goodbye.
            if Session.isClosed decision.Session then
                decision
            else
                decision |> wait message items

    /// Forgets what waits.
    let dropGathered decision =
        match decision.Session.Gathering with
        | None -> decision
        | Some _ ->
            decision
            |> perform (CancelTimer QuietTimer)
            |> change (fun session -> { session with Gathering = None })

    /// Lets these wait in place of those that wait.
    let waitFor (gathering: Gathering) items decision =
        decision
        |> change (fun session -> {
            session with
                Gathering = Some { gathering with Items = items }
        })
