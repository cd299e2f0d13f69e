namespace FunctionalBot.Domain

/// What the bot said and WhatsApp did not deliver. It is remembered until the customer writes again, who then hears of
/// it once, or is asked again what was asked.
module Undelivered =
    open Decision

    /// How many lost messages are remembered. The customer is told that some were lost, not how many.
    let remembered = 3

    // Meta's codes for a customer who is not to be written to: the business blocked him, he is in an experiment, his
    // country is closed, he has had enough messages of the kind, or wants none.
    let private leftAlone = [ 130403; 130472; 130497; 131049; 131050 ]

    /// Whether the customer hears of a message that failed with this code of Meta's; 0 is a failure that Meta does not
    /// name. A code that is not known is told.
    let isTold (code: int) = not (List.contains code leftAlone)

    /// The question of a ticket's step, which the customer is to answer.
    let private isAsked session =
        match session.Phase with
        | TicketCreation(_, (AskingTitle | AskingDescription | AskingEmail | Confirming _)) -> true
        | TicketCreation(_, Creating _)
        | Conversing _
        | WithAgent _
        | Closed _ -> false

    /// Whether what the customer is to answer in a ticket's step never arrived.
    let internal isQuestionLost (session: Session) =
        match session.Delivery.Lost, session.Delivery.LastSaid with
        | [], _
        | _, None -> false
        | lost, Some last -> isAsked session && List.contains last lost

    let private track how (decision: Decision) =
        decision
        |> change (fun session -> {
            session with
                Delivery = how session.Delivery
        })

    /// Remembers a message that failed. One that only told of others is not told of, so that nothing goes round; a
    /// question that was asked again is remembered once more, or the next words would answer what nobody has seen.
    let internal remember (key: CommandKey) (code: int) (decision: Decision) =
        let session = decision.Session
        let isApology = session.Delivery.Apology = Some key
        let isQuestion = isAsked session && session.Delivery.LastSaid = Some key

        if
            key.Session <> session.Id
            || key.Version >= session.Version
            || not (isTold code || isQuestion)
            || List.contains key session.Delivery.Lost
            || (isApology && not isQuestion)
        then
            decision
        else
            decision
            |> track (fun delivery -> {
                delivery with
                    Lost =
                        key :: delivery.Lost
                        |> List.sortByDescending (fun lost -> lost.Version, lost.Ordinal)
                        |> List.truncate remembered
            })

    /// Forgets what was lost: the customer has been told, or is asked again.
    let internal forget (decision: Decision) =
        match decision.Session.Delivery.Lost with
        | [] -> decision
        | _ -> decision |> track (fun delivery -> { delivery with Lost = [] })

    /// Whether what was lost was itself asked again because it was lost.
    let internal wasAskedAgain (session: Session) =
        match session.Delivery.Apology with
        | Some apology -> List.contains apology session.Delivery.Lost
        | None -> false

    /// Says something that tells of what was lost, by `how`, and remembers that it did.
    let internal telling (how: Decision -> Decision) (decision: Decision) =
        decision
        |> forget
        |> how
        |> track (fun delivery -> {
            delivery with
                Apology = delivery.LastSaid
        })

    /// Tells the customer once of what was lost, ahead of whatever comes next. Nothing where nothing was.
    let internal apologise (decision: Decision) =
        match decision.Session.Delivery.Lost with
        | [] -> decision
        | _ -> decision |> telling (say MessageMayBeLost [])
