namespace FunctionalBot.Domain

/// The files of a ticket that is being told: added without a word or with one, taken back, refused.
module internal TicketFiles =
    open Decision

    /// A file that is one too many.
    let tooMany draft step decision =
        decision |> TicketDialogue.repeat draft step (TooManyFiles CustomerFile.most)

    /// Puts files to the draft, without a word. One that comes while the ticket is being made goes to that ticket.
    let add (keys: CommandKey list) decision =
        match decision.Session.Phase with
        | TicketCreation(_, Creating owed) -> decision |> Attachments.assign owed.Key keys
        | TicketCreation(draft, step) ->
            decision
            |> enter (
                TicketCreation(
                    {
                        draft with
                            Files = draft.Files @ keys
                    },
                    step
                )
            )
        | Conversing _
        | WithAgent _
        | Closed _ -> decision

    /// Asks again what was asked, or shows the ticket anew: its files are others now.
    let private askWithThem notice decision =
        match decision.Session.Phase with
        | TicketCreation(draft, Confirming _) -> decision |> TicketDialogue.proceed draft notice
        | TicketCreation(draft, step) -> decision |> TicketDialogue.askStep draft step notice
        | Conversing _
        | WithAgent _
        | Closed _ -> decision

    /// Files without a word beside them.
    let take (keys: CommandKey list) decision =
        let decision = decision |> add keys

        match decision.Session.Phase with
        | TicketCreation(draft, _) -> decision |> askWithThem (Some(FilesAdded draft.Files.Length))
        | Conversing _
        | WithAgent _
        | Closed _ -> decision

    let private isDraftOf (keys: CommandKey list) decision =
        match decision.Session.Phase with
        | TicketCreation(_, Creating _) -> false
        | TicketCreation(draft, _) -> draft.Files |> List.exists (fun file -> List.contains file keys)
        | Conversing _
        | WithAgent _
        | Closed _ -> false

    let private without (keys: CommandKey list) decision =
        match decision.Session.Phase with
        | TicketCreation(draft, step) ->
            let files = draft.Files |> List.filter (fun file -> not (List.contains file keys))

            decision |> enter (TicketCreation({ draft with Files = files }, step))
        | Conversing _
        | WithAgent _
        | Closed _ -> decision

    /// The customer took a message with files back. Where the ticket was shown with them, it is shown without.
    let takeBack (keys: CommandKey list) decision =
        let wasShown =
            match decision.Session.Phase with
            | TicketCreation(_, Confirming _) -> isDraftOf keys decision
            | _ -> false

        let decision = decision |> without keys |> Attachments.drop keys
        if wasShown then decision |> askWithThem None else decision

    /// A file that was to go with the draft could not be had. None where it was not to.
    let notKept (key: CommandKey) kind problem decision : Decision option =
        if isDraftOf [ key ] decision then
            Some(decision |> without [ key ] |> askWithThem (Some(FileRejected(kind, problem))))
        else
            None
