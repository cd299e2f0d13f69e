namespace FunctionalBot.Domain

/// One line of the conversation as both sides saw it.
type ThreadLine =
    | FromCustomer of text: string
    | FromBot of Utterance

/// A conversation as far as it was followed.
type Thread = {
    /// The session after the last event.
    Session: Session
    /// The newest line first.
    Newest: ThreadLine list
    Count: int
}

/// The conversation as the assistant sees it: a second fold over the session's stream, made only when it is
/// asked, so that the saved session stays small.
module Thread =
    let private said (fact: Fact) =
        match fact with
        | TextReceived text -> Some text.Text
        | ChoicePicked choice -> Some choice.Title
        | MediaReceived { Caption = Some caption } -> Some caption
        | MessageEdited(_, _, text) -> Some text
        | ReferredByAd referral ->
            match List.choose id [ referral.Headline; referral.Body ] with
            | [] -> None
            | words -> Some("[viene de un anuncio] " + String.concat ": " words)
        | FormAnswered form -> form.Fields |> List.map snd |> String.concat "\n" |> Some
        | MediaReceived _
        | CircumstancesChanged _
        | ChatOpened _
        | CustomerMoved _
        | FileKept _
        | FileNotKept _
        | FileNotAttached _
        | SessionOpened _
        | ReactionReceived _
        | MessageRevoked _
        | DeliveryFailed _
        | AssistantAnswered _
        | AssistantFailed _
        | TicketCreated _
        | TicketDelayed _
        | TicketRefused _
        | TicketsFound _
        | TicketLookUpFailed _
        | TimerElapsed _ -> None

    /// So many of the newest lines are kept; no assistant is told more.
    let remembered = 40

    /// Nothing was said yet.
    let start (id: SessionId) : Thread = {
        Session = Session.initial id
        Newest = []
        Count = 0
    }

    /// What a further event adds. What the bot said is found by deciding the event again, so it is what this
    /// version of the rules would have said.
    let add (event: Event) (thread: Thread) : Thread =
        let heard =
            if Transition.ignored thread.Session event.At event.Fact = None then
                said event.Fact |> Option.map FromCustomer |> Option.toList
            else
                []

        let session, commands = Transition.transition thread.Session event

        let told =
            commands
            |> List.choose (fun command ->
                match command.Action with
                | Say utterance -> Some(FromBot utterance)
                | MarkRead _
                | AskAssistant _
                | CreateTicket _
                | AddToTicket _
                | LookUpTickets _
                | FetchFile _
                | AttachToTicket _
                | React _
                | SetTimer _
                | CancelTimer _ -> None)

        let newest = List.rev (heard @ told) @ thread.Newest
        let count = thread.Count + heard.Length + told.Length

        // Forgotten in portions, so that a long conversation is not copied with each line.
        if count > 2 * remembered then
            {
                Session = session
                Newest = List.truncate remembered newest
                Count = remembered
            }
        else
            {
                Session = session
                Newest = newest
                Count = count
            }

    /// The lines, oldest first.
    let lines (thread: Thread) : ThreadLine list =
        thread.Newest |> List.truncate remembered |> List.rev

    /// The thread of a whole stream.
    let ofEvents (id: SessionId) (events: Event seq) : Thread =
        (start id, events) ||> Seq.fold (fun thread event -> add event thread)
