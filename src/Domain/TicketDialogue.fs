namespace FunctionalBot.Domain

/// The ticket flow: title, description, optional e-mail, confirm, creating.
module internal TicketDialogue =
    open Decision

    /// What can be pressed beside a question. `revision` is that of the ticket being shown.
    let private choicesFor question revision =
        match question with
        | WhichTitle -> [ CancelTicket ]
        | WhichDescription -> [ GoBack; CancelTicket ]
        | WhichEmail -> [ SkipEmail; GoBack; CancelTicket ]
        | IsThisRight _ -> [ Confirm revision; ChangeSomething; CancelTicket ]
        | WhichField -> [
            Change TitleField
            Change DescriptionField
            Change EmailField
            KeepTicket
            CancelTicket
          ]

    let private ask question notice decision =
        let choices = choicesFor question decision.Session.Version
        decision |> say (Ask(question, notice)) choices

    /// Shows the complete ticket anew; buttons of earlier showings become stale.
    let private show draft ticket notice decision =
        decision
        |> enter (TicketCreation(draft, Confirming(ticket, decision.Session.Version)))
        |> ask (IsThisRight ticket) notice

    /// Asks for a field, with what was wrong or changed ahead of it.
    let askField field draft notice decision =
        let step, question =
            match field with
            | TitleField -> AskingTitle, WhichTitle
            | DescriptionField -> AskingDescription, WhichDescription
            | EmailField -> AskingEmail, WhichEmail

        decision |> enter (TicketCreation(draft, step)) |> ask question notice

    /// Goes to the first field that is missing, or shows the ticket when none is.
    let proceed (draft: Draft) notice decision =
        match Draft.missing draft, Draft.complete draft with
        | Some field, _ -> askField field draft notice decision
        | None, Some ticket -> show draft ticket notice decision
        | None, None -> askField TitleField draft notice decision

    /// Asks the question of this step, with what was wrong or changed ahead of it.
    let askStep (draft: Draft) step notice decision =
        match step with
        | AskingTitle -> decision |> ask WhichTitle notice
        | AskingDescription -> decision |> ask WhichDescription notice
        | AskingEmail -> decision |> ask WhichEmail notice
        // Files may have come since it was shown.
        | Confirming(ticket, _) ->
            decision
            |> show draft (Draft.complete draft |> Option.defaultValue ticket) notice
        | Creating _ -> decision |> say TicketIsBeingCreated []

    /// Asks the question of this step once more, ahead of it what was wrong. Nothing is changed.
    let repeat (draft: Draft) step notice decision =
        decision |> askStep draft step (Some notice)

    /// Asks the question of this step, and nothing ahead of it.
    let askAgain (draft: Draft) step decision = decision |> askStep draft step None

    /// Asks a question again that never arrived. That it was lost is said once; where it is lost again, it is only
    /// asked.
    let private askLost (draft: Draft) step decision =
        let notice =
            if Undelivered.wasAskedAgain decision.Session then
                None
            else
                Some QuestionMayBeLost

        decision |> Undelivered.telling (askStep draft step notice)

    /// Begins a ticket, with what the assistant understood already. Only one can be on its way at a time.
    let begin' (hints: TicketHints) decision =
        match Session.owedTicket decision.Session with
        | Some _ -> decision |> offer NothingOffered AnotherTicketIsPending [ TalkToPerson ]
        | None ->
            let files = Attachments.loose decision.Session
            let draft = Draft.fillIn hints Draft.empty

            let notice =
                if draft <> Draft.empty then Some PrefilledFromYourWords
                elif files.IsEmpty then None
                else Some(FilesAdded files.Length)

            let draft = { draft with Files = files }

            decision |> proceed draft notice

    let private discard (draft: Draft) decision =
        decision
        |> Attachments.leaveDraft draft
        |> offer NothingOffered TicketDiscarded [ OpenTicket; TalkToPerson ]

    let private submit draft ticket decision =
        let owed, decision = createTicket ticket decision

        decision
        |> enter (TicketCreation(draft, Creating owed))
        |> Attachments.assign owed.Key draft.Files

    /// A yes to the ticket as it was shown. Where files came or went since, it is shown with them first.
    let private confirm draft shown step decision =
        if Draft.complete draft = Some shown then
            decision |> submit draft shown
        else
            decision |> repeat draft step PleaseConfirm

    let private goBack draft step decision =
        match step with
        | AskingTitle -> decision |> repeat draft step AlreadyAtFirstStep
        | AskingDescription -> decision |> askField TitleField draft None
        | AskingEmail -> decision |> askField DescriptionField draft None
        | Confirming _ -> decision |> askField EmailField draft None
        | Creating _ -> decision |> repeat draft step StillWithYourTicket

    let private changeField field draft step decision =
        match step with
        | Creating _ -> decision |> repeat draft step StillWithYourTicket
        | AskingTitle
        | AskingDescription
        | AskingEmail
        | Confirming _ ->
            match field with
            | Some field -> decision |> askField field draft None
            | None -> decision |> ask WhichField None

    let private takeTitle (text: string) (draft: Draft) decision =
        match TicketTitle.create text, TicketDescription.create text with
        | Ok title, _ -> decision |> proceed { draft with Title = Some title } None
        | Error(TooLong _), Ok description when draft.Description.IsNone ->
            // Who writes a whole story when asked for a title has told the description already.
            let draft = {
                draft with
                    Description = Some description
            }

            decision |> askField TitleField draft (Some KeptAsDescription)
        | Error problem, _ -> decision |> repeat draft AskingTitle (FieldRejected(TitleField, problem))

    let private takeDescription (text: string) (draft: Draft) decision =
        match TicketDescription.create text with
        | Ok description ->
            decision
            |> proceed
                {
                    draft with
                        Description = Some description
                }
                None
        | Error problem ->
            decision
            |> repeat draft AskingDescription (FieldRejected(DescriptionField, problem))

    let private takeEmail (text: string) (draft: Draft) decision =
        match EmailAddress.find text with
        | Ok address -> decision |> proceed { draft with Email = Given address } None
        | Error problem -> decision |> repeat draft AskingEmail (FieldRejected(EmailField, problem))

    /// The customer wrote something while the ticket is shown, and it is neither yes nor no.
    let private takeRemark (text: string) draft step decision =
        match EmailAddress.find text with
        | Ok address when text.Contains '@' -> decision |> proceed { draft with Email = Given address } None
        | _ -> decision |> repeat draft step PleaseConfirm

    /// The text as the answer to what was asked.
    let private takeAnswer text draft step decision =
        match step with
        | AskingTitle -> decision |> takeTitle text draft
        | AskingDescription -> decision |> takeDescription text draft
        | AskingEmail -> decision |> takeEmail text draft
        | Confirming _ -> decision |> takeRemark text draft step
        | Creating _ -> decision |> repeat draft step StillWithYourTicket

    /// What a text means within the dialogue, where almost everything is an answer: only what stands nearly
    /// alone counts as a wish, so that "no puedo cancelar mi pedido" can be a title.
    let private wishIn (text: string) =
        match Rules.recognise text with
        | Some {
                   Meaning = Means WantsPerson
                   Surplus = surplus
               } when surplus <= 3 -> Some WantsPerson
        | Some { Meaning = Means intent; Surplus = 0 } -> Some intent
        | _ -> None

    /// A turn of text within the dialogue, where the customer knows what was asked.
    let private takeReply text (draft: Draft) step decision =
        match wishIn text, step with
        | Some WantsToCancel, Creating _ -> decision |> repeat draft step StillWithYourTicket
        | Some WantsToCancel, _ -> decision |> discard draft
        | Some WantsPerson, _ -> HandOver.begin' decision
        | Some WantsSilence, _ -> Consent.optOut decision
        | Some WantsToHear, _ when Consent.isOptedOut decision -> Consent.optIn decision
        | Some Leaves, Creating _ -> decision |> close CustomerLeft |> say Goodbye []
        | Some Leaves, _ -> decision |> close CustomerLeft |> say TicketDiscarded []
        | Some WantsToGoBack, _ -> decision |> goBack draft step
        | Some(WantsToChange(Some field)), Confirming _ -> decision |> changeField (Some field) draft step
        | Some(WantsToChange None), Confirming _ -> decision |> changeField None draft step
        | Some WantsToSkip, AskingEmail
        | Some SaysNo, AskingEmail -> decision |> proceed { draft with Email = Declined } None
        | Some SaysYes, Confirming(shown, _) -> decision |> confirm draft shown step
        | Some SaysNo, Confirming _ -> decision |> changeField None draft step
        | Some Greets, _
        | Some WantsHelp, _ -> decision |> repeat draft step StillWithYourTicket
        | Some(WantsToChange(Some field)), (AskingTitle | AskingDescription | AskingEmail) when
            text.Contains ' ' && Draft.missing draft <> Some field
            ->
            decision |> changeField (Some field) draft step
        | _ -> decision |> takeAnswer text draft step

    /// A turn of text within the dialogue. What follows a question that did not arrive is no answer to it, and no yes.
    let takeText text (draft: Draft) step decision =
        match wishIn text with
        | Some(WantsToCancel | WantsPerson | WantsSilence | Leaves | WantsToGoBack) ->
            decision |> Undelivered.apologise |> takeReply text draft step
        | _ when Undelivered.isQuestionLost decision.Session -> decision |> askLost draft step
        | _ -> decision |> Undelivered.apologise |> takeReply text draft step

    /// A button or row within the dialogue. None where it is not one of the dialogue's.
    let takeChoice choice draft step decision =
        match choice, step with
        | CancelTicket, Creating _ -> Some(decision |> repeat draft step StillWithYourTicket)
        | CancelTicket, _ -> Some(decision |> discard draft)
        | GoBack, _ -> Some(decision |> goBack draft step)
        | SkipEmail, AskingEmail -> Some(decision |> proceed { draft with Email = Declined } None)
        // Only of a ticket that was shown before: words that waited may have led here just now.
        | Confirm revision, Confirming(ticket, shown) when
            revision = shown && shown < decision.Session.Version
            ->
            Some(decision |> confirm draft ticket step)
        | ChangeSomething, _ -> Some(decision |> changeField None draft step)
        | Change field, _ -> Some(decision |> changeField (Some field) draft step)
        | KeepTicket, Confirming _ -> Some(decision |> askAgain draft step)
        | (SkipEmail | Confirm _ | KeepTicket | OpenTicket | AskSomethingElse | ReturnToBot), _ ->
            Some(decision |> repeat draft step ButtonIsStale)
        | (CheckTickets | TalkToPerson | SayGoodbye | WriteToMeAgain), _ -> None

    /// Whether a reaction looks like the yes that is waited for.
    let isWaitingForYes (emoji: string option) (session: Session) =
        match session.Phase, emoji with
        | TicketCreation(_, Confirming _), Some emoji -> Rules.agrees emoji
        | _ -> false

    /// Nobody can tell which message a reaction was meant for, so that it is no yes; but who gave it would wait for
    /// ever.
    let askForYes decision =
        match decision.Session.Phase with
        | TicketCreation(draft, (Confirming _ as step)) -> decision |> repeat draft step PleaseConfirm
        | _ -> decision

    /// A message without text where text was asked.
    let takeMedia kind draft step decision =
        decision |> repeat draft step (CannotRead kind)

    /// The ticket exists.
    let created (reference: TicketReference) decision =
        decision
        |> offer MoreHelpOffered (TicketWasCreated reference) [ AskSomethingElse; SayGoodbye ]

    /// Odoo is away: the customer is told, the conversation goes on, and the ticket stays owed.
    let delayed (owed: OwedTicket) decision =
        decision
        |> change (fun session -> {
            session with
                Owed = Some { owed with ToldDelay = true }
        })
        |> offer MoreHelpOffered TicketIsDelayed [ AskSomethingElse; TalkToPerson; SayGoodbye ]

    /// What a ticket that was confirmed came from, to go on with it.
    let private draftOf (ticket: Ticket) files : Draft = {
        Title = Some ticket.Title
        Description = Some ticket.Description
        Email =
            match ticket.Email with
            | Some address -> Given address
            | None -> Declined
        Files = files
    }

    /// Odoo will not have it: the ticket is shown again, to be changed, tried again or handed to a person.
    let refused (ticket: Ticket) (files: CommandKey list) decision =
        decision
        |> enter (TicketCreation(draftOf ticket files, Confirming(ticket, decision.Session.Version)))
        |> say TicketWasRefused [ Confirm decision.Session.Version; TalkToPerson; CancelTicket ]
