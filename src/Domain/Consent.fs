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

    /// The customer wants silence: it is confirmed once, and what was being done is left.
    let optOut decision =
        decision |> set true |> offer NothingOffered OptedOut [ WriteToMeAgain ]

    /// The customer wants to hear from the business again.
    let optIn decision =
        decision
        |> set false
        |> offer NothingOffered OptedIn [ OpenTicket; TalkToPerson ]

    /// Says what nobody asked for, unless the customer wants to hear none of it.
    let unasked (speak: Decision -> Decision) decision =
        if decision.Session.Circumstances.OptedOut then
            decision
        else
            speak decision
