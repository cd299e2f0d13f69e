namespace FunctionalBot.Domain

/// One line of the conversation as both sides saw it.
type ThreadLine =
    | FromCustomer of text: string
    | FromBot of Utterance

/// A conversation as far as it was followed.
type Thread = {
    /// The session after the last event.
    Session: Session
    /// The newest line first, each with its message where it is a customer's.
    Newest: (MessageId option * ThreadLine) list
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
    }

    /// The lines with what the customer says by a fact that counts. What still waits for its turn was not said yet: an
    /// edit takes its place, and what is taken back was never said.
    let private hear (fact: Fact) (session: Session) newest =
        let lineOf message text = Some message, FromCustomer text

        match fact with
        | MessageEdited(_, original, text) when Turns.isGathered original session ->
            if newest |> List.exists (fun (message, _) -> message = Some original) then
                newest
                |> List.map (fun (message, line) ->
                    if message = Some original then
                        lineOf original text
                    else
                        message, line)
            else
                lineOf original text :: newest
        | MessageRevoked(_, original) when Turns.isGathered original session ->
            newest |> List.filter (fun (message, _) -> message <> Some original)
        | fact ->
            match said fact with
            | Some text -> (Transition.messageOf fact, FromCustomer text) :: newest
            | None -> newest

    /// What a further event adds. What the bot said is found by deciding the event again, so it is what this
    /// version of the rules would have said.
    let add (event: Event) (thread: Thread) : Thread =
        let heard =
            if Transition.ignored thread.Session event.At event.Fact = None then
                thread.Newest |> hear event.Fact thread.Session
            else
                thread.Newest

        let session, commands = Transition.transition thread.Session event

        let told =
            commands
            |> List.choose (fun command ->
                match command.Action with
                | Say utterance -> Some(None, FromBot utterance)
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

        let newest = List.rev told @ heard

        {
            Session = session
            // Forgotten in portions, so that a long conversation is not copied with each line.
            Newest =
                if List.length newest > 2 * remembered then
                    List.truncate remembered newest
                else
                    newest
        }

    /// The lines, oldest first.
    let lines (thread: Thread) : ThreadLine list =
        thread.Newest |> List.truncate remembered |> List.map snd |> List.rev

    /// The thread of a whole stream.
    let ofEvents (id: SessionId) (events: Event seq) : Thread =
        (start id, events) ||> Seq.fold (fun thread event -> add event thread)
