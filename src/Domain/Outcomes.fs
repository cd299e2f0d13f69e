namespace FunctionalBot.Domain

/// What became of tickets: created, delayed, refused, looked up.
module internal Outcomes =
    open Decision

    let private settle decision =
        decision |> change (fun session -> { session with Owed = None })

    /// Whoever is known by an id alone cannot be called: the number is asked for, beside what is said anyway.
    let private tellPersonTicket reference decision =
        match decision.Session.Customer.Phone with
        | None -> decision |> invite ToSharePhone (PersonTicketWasCreated reference)
        | Some _ -> decision |> say (PersonTicketWasCreated reference) []

    let ticketCreated reference decision =
        match decision.Session.Phase, decision.Session.Owed with
        | TicketCreation(_, Creating _), _ -> decision |> TicketDialogue.created reference
        | WithAgent _, Some owed when owed.Ticket.Purpose = HandOver ->
            decision |> settle |> tellPersonTicket reference
        | Conversing(None, _), Some owed when owed.Ticket.Purpose = Support ->
            decision |> settle |> TicketDialogue.created reference
        // Also the team's ticket, where the customer is back with the bot: what is written now does not go there.
        | _ -> decision |> settle |> say (TicketWasCreated reference) []

    /// A ticket that will never be cannot hold the conversation for the team: the customer is back with the
    /// bot, and may ask for a person again, which then opens another.
    let private takeBack (refused: CommandKey) decision =
        match decision.Session.Phase with
        | WithAgent(creation, _) when creation = refused ->
            decision |> offer NothingOffered TicketWasRefused [ TalkToPerson ]
        | _ -> decision |> say TicketWasRefused []

    /// The ticket's files go with what is shown again, to the team that has another ticket, or to whatever comes next.
    let ticketRefused decision =
        match Session.owedTicket decision.Session with
        | None -> decision |> say TicketWasRefused []
        | Some owed ->
            let files, decision =
                decision
                |> settle
                |> change (fun session -> {
                    session with
                        HandedOver =
                            session.HandedOver |> Option.filter (fun creation -> creation <> owed.Key)
                })
                |> Attachments.release owed.Key

            match decision.Session.Phase with
            | TicketCreation(_, Creating _)
            | Conversing(None, _) when owed.Ticket.Purpose = Support ->
                decision |> TicketDialogue.refused owed.Ticket files
            | WithAgent(creation, _) when creation <> owed.Key ->
                decision |> Attachments.assign creation files |> takeBack owed.Key
            | _ -> decision |> takeBack owed.Key

    let ticketDelayed decision =
        match decision.Session.Phase, decision.Session.Owed with
        | TicketCreation(_, Creating owed), _ -> decision |> TicketDialogue.delayed owed
        | _, Some owed ->
            decision
            |> change (fun session -> {
                session with
                    Owed = Some { owed with ToldDelay = true }
            })
            |> say TicketIsDelayed []
        | _, None -> decision

    /// A file is there. Nothing is said: it was spoken of when it came.
    let fileKept key stored decision = decision |> Attachments.kept key stored

    /// A file will never be had: whoever counts on it hears so, also when the conversation has ended meanwhile. Of one
    /// that belongs to no ticket only those hear who still talk and want no silence.
    let fileNotKept key problem decision =
        match Attachments.find key decision.Session with
        | None -> decision
        | Some file ->
            let kind = file.Request.Kind
            let decision = decision |> Attachments.notKept key problem

            match TicketFiles.notKept key kind problem decision with
            | Some decision -> decision
            | None when file.Ticket.IsSome -> decision |> say (FileNotTaken(kind, problem)) []
            | None when Session.isClosed decision.Session -> decision
            | None -> decision |> Consent.unasked (say (FileNotTaken(kind, problem)) [])

    let lookedUp answer decision =
        let decision = decision |> change (fun session -> { session with LookUp = None })

        match decision.Session.Phase with
        | Closed _ -> decision
        | Conversing _
        | TicketCreation _
        | WithAgent _ -> decision |> answer
