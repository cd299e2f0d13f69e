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

    /// The customer wants silence: it is confirmed once, and what was being done is left. A ticket that is on its way
    /// was confirmed before and stays owed.
    let optOut decision =
        decision
        |> set true
        |> change (fun session -> {
            session with
                Owed = Session.owedTicket session
        })
        |> offer NothingOffered OptedOut [ WriteToMeAgain ]

    /// The customer wants to hear from the business again. What was being done goes on.
    let optIn decision =
        let decision = decision |> set false

        match decision.Session.Phase with
        | Conversing(None, _) -> decision |> offer NothingOffered OptedIn [ OpenTicket; TalkToPerson ]
        | Conversing(Some _, _)
        | TicketCreation _
        | WithAgent _
        | Closed _ -> decision |> say OptedIn []

    /// Says what nobody asked for, unless the customer wants to hear none of it.
    let unasked (speak: Decision -> Decision) decision =
        if decision.Session.Circumstances.OptedOut then
            decision
        else
            speak decision
