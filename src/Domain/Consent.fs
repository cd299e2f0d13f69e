namespace FunctionalBot.Domain

/// Customers who want to hear nothing of the business's own accord. What they ask for themselves is answered as always:
/// who opts out and then writes a question wants an answer.
module internal Consent =
    open Decision

    let private set optedOut decision =
        decision
        |> change (fun session -> {
            session with
                Circumstances = {
                    session.Circumstances with
                        OptedOut = optedOut
                }
        })

    /// Meta refused a message because the customer stopped the business's messages.
    let refusedByCustomer decision = decision |> set true

    let private wish = "El cliente pidió por WhatsApp no recibir más mensajes."

    /// What of it concerns others: the team is told, and a ticket that nobody goes on with is left. With it what the
    /// customer is told. A ticket that is on its way was confirmed before and stays owed.
    let private leave decision : Phrase * Decision =
        match decision.Session.Phase with
        | WithAgent(creation, _) -> OptedOut, decision |> perform (AddToTicket(creation, wish))
        | TicketCreation(draft, (AskingTitle | AskingDescription | AskingEmail | Confirming _)) ->
            OptedOutUnsent, decision |> Attachments.leaveDraft draft
        | TicketCreation(_, Creating _)
        | Conversing _
        | Closed _ -> OptedOut, decision

    /// The customer wants silence: it is confirmed, and what was being done is left, so that nothing is said behind it.
    let optOut decision =
        let phrase, decision = decision |> set true |> leave

        if Session.isClosed decision.Session then
            decision |> say phrase [ WriteToMeAgain ]
        else
            decision
            |> change (fun session -> {
                session with
                    Owed = Session.owedTicket session
                    LookUp = None
            })
            |> offer NothingOffered phrase [ WriteToMeAgain ]

    /// The customer wants to hear from the business again. What was being done goes on.
    let optIn decision =
        let decision = decision |> set false

        match decision.Session.Phase with
        | Conversing(None, _) -> decision |> offer NothingOffered OptedIn [ OpenTicket; TalkToPerson ]
        | Conversing(Some _, _)
        | TicketCreation _
        | WithAgent _
        | Closed _ -> decision |> say OptedIn []

    let isOptedOut decision = decision.Session.Circumstances.OptedOut

    /// Says what nobody asked for, unless the customer wants to hear none of it.
    let unasked (speak: Decision -> Decision) decision =
        if isOptedOut decision then decision else speak decision
