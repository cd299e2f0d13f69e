namespace FunctionalBot.Domain

/// One line of the conversation as both sides saw it.
type ThreadLine =
    | FromCustomer of text: string
    | FromBot of Utterance

/// The conversation as the assistant sees it: a second fold over the session's stream, made only when it is
/// asked, so that the saved session stays small.
module Thread =
    let private said (fact: Fact) =
        match fact with
        | TextReceived text -> Some text.Text
        | ChoicePicked choice -> Some choice.Title
        | MediaReceived { Caption = Some caption } -> Some caption
        | MessageEdited(_, _, text) -> Some text
        | MediaReceived _
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

    /// All lines, oldest first. What the bot said is found by deciding each event again, so it is what this
    /// version of the rules would have said.
    let ofEvents (id: SessionId) (events: Event seq) : ThreadLine list =
        let lines = ResizeArray<ThreadLine>()
        let mutable session = Session.initial id

        for event in events do
            if Transition.ignored session event.Fact = None then
                said event.Fact |> Option.iter (FromCustomer >> lines.Add)

            let next, commands = Transition.transition session event
            session <- next

            for command in commands do
                match command.Action with
                | Say utterance -> lines.Add(FromBot utterance)
                | MarkRead _
                | AskAssistant _
                | CreateTicket _
                | AddToTicket _
                | LookUpTickets _
                | SetTimer _
                | CancelTimer _ -> ()

        List.ofSeq lines
