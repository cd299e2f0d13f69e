namespace FunctionalBot.Domain

/// What a customer said at one time.
type CustomerLine = {
    /// None for what came along with another message.
    Message: MessageId option
    Text: string
    /// The message that it answers, of either side.
    Quoted: MessageId option
}

/// One line of the conversation as both sides saw it.
type ThreadLine =
    | FromCustomer of CustomerLine
    | FromBot of Utterance

/// A conversation as far as it was followed.
type Thread = {
    /// The session after the last event.
    Session: Session
    /// The newest line first.
    Newest: ThreadLine list
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

    let private quotedBy (fact: Fact) =
        match fact with
        | TextReceived text -> text.Quoted
        | ChoicePicked choice -> choice.Quoted
        | _ -> None

    let private lineOf (fact: Fact) : ThreadLine option =
        said fact
        |> Option.map (fun text ->
            FromCustomer {
                Message = Transition.messageOf fact
                Text = text
                Quoted = quotedBy fact
            })

    /// So many of the newest lines are kept; no assistant is told more.
    let remembered = 40

    /// Nothing was said yet.
    let start (id: SessionId) : Thread = {
        Session = Session.initial id
        Newest = []
    }

    let private isOf (message: MessageId) line =
        match line with
        | FromCustomer said -> said.Message = Some message
        | FromBot _ -> false

    /// The lines with what the customer says by a fact that counts. What still waits for its turn was not said yet: an
    /// edit takes its place, and what is taken back was never said.
    let private hear (fact: Fact) (session: Session) (newest: ThreadLine list) =
        match fact with
        | MessageEdited(_, original, text) when Turns.isGathered original session ->
            let edited quoted =
                FromCustomer {
                    Message = Some original
                    Text = text
                    Quoted = quoted
                }

            if List.exists (isOf original) newest then
                newest
                |> List.map (function
                    | FromCustomer said when said.Message = Some original -> edited said.Quoted
                    | line -> line)
            else
                edited None :: newest
        | MessageRevoked(_, original) when Turns.isGathered original session ->
            newest |> List.filter (isOf original >> not)
        | fact -> Option.toList (lineOf fact) @ newest

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
        thread.Newest |> List.truncate remembered |> List.rev

    /// What the customer's last words quote: the newest quote in the last lines of the customer's in a row, whatever
    /// the bot has said to them since. Lines are oldest first.
    let quoted (lines: ThreadLine list) : MessageId option =
        List.rev lines
        |> List.skipWhile _.IsFromBot
        |> List.takeWhile _.IsFromCustomer
        |> List.tryPick (function
            | FromCustomer line -> line.Quoted
            | FromBot _ -> None)

    /// The thread of a whole stream.
    let ofEvents (id: SessionId) (events: Event seq) : Thread =
        (start id, events) ||> Seq.fold (fun thread event -> add event thread)
