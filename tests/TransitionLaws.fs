/// The laws of the core, each tried on ten thousand conversations with late, doubled, disordered and hostile
/// events.
module FunctionalBot.Tests.TransitionLaws

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Tests.RandomConversations

let private actions (happening: Happening) =
    happening.Commands |> List.map (fun command -> command.Action)

let private each (law: Happening -> bool) (conversation: Conversation) =
    conversation.Happenings |> List.forall law

/// The event was the next of its session and had something to say.
let private counted (happening: Happening) =
    happening.After.Version = happening.Before.Version + 1L
    && Transition.ignored happening.Before happening.Event.At happening.Event.Fact = None

let private says (happening: Happening) =
    actions happening
    |> List.choose (function
        | Say utterance -> Some utterance
        | _ -> None)

[<Fact>]
let ``every event has an answer in every session, and none throws`` () =
    holds (fun conversation -> conversation.Happenings.Length >= 1)

[<Fact>]
let ``the same session and event give the same result`` () =
    holds (
        each (fun happening ->
            Transition.transition happening.Before happening.Event = (happening.After, happening.Commands))
    )

[<Fact>]
let ``an event seen twice changes nothing`` () =
    holds (
        each (fun happening -> Transition.transition happening.After happening.Event = (happening.After, []))
    )

[<Fact>]
let ``a message that arrives again under a new version changes nothing but the version`` () =
    holds (
        each (fun happening ->
            match Transition.messageOf happening.Event.Fact with
            | Some _ when counted happening ->
                let again = {
                    happening.Event with
                        Version = happening.After.Version + 1L
                }

                Transition.transition happening.After again =
                    ({
                        happening.After with
                            Version = again.Version
                     },
                     [])
            | _ -> true)
    )

[<Fact>]
let ``what is ignored has a name, moves only the version and asks for nothing`` () =
    holds (
        each (fun happening ->
            counted happening
            || (happening.Commands.IsEmpty
                && {
                    happening.After with
                        Version = happening.Before.Version
                }
                    =
                    happening.Before))
    )

[<Fact>]
let ``folding the events gives the session that was saved`` () =
    holds (fun conversation ->
        let folded =
            conversation.Happenings
            |> List.fold
                (fun session happening -> Transition.evolve session happening.Event)
                (Session.initial sessionId)

        folded = conversation.Last)

/// A customer's message is answered at once, waits for the quiet time, is part of the assistant's open turn,
/// or goes to the team; or the event is ignored by name.
[<Fact>]
let ``every message of the customer is answered, gathered, asked about, handed over, or ignored by name`` () =
    holds (
        each (fun happening ->
            match happening.Event.Fact with
            | TextReceived _
            | ChoicePicked _
            | MediaReceived _
            | FormAnswered _
            | ChatOpened _
            | MessageEdited _ when counted happening ->
                not (says happening).IsEmpty
                || happening.After.Gathering.IsSome
                || (Session.openTurn happening.After).IsSome
                || happening.After.LookUp.IsSome
                || (Session.owedTicket happening.After).IsSome
                || actions happening
                   |> List.exists (function
                       | AddToTicket _ -> true
                       | _ -> false)
            | _ -> true)
    )

[<Fact>]
let ``an open question ends answered, asked anew, or superseded by what the customer did since`` () =
    holds (
        each (fun happening ->
            match Session.openTurn happening.Before, Session.openTurn happening.After with
            | Some before, None ->
                match happening.Event.Fact with
                | AssistantAnswered(turn, _) -> turn = before.Question.Turn
                | AssistantFailed _ -> before.Question.Assistant = StandIn
                | TextReceived _
                | ChoicePicked _
                | MediaReceived _
                | MessageEdited _
                | FormAnswered _
                | TimerElapsed(QuietTimer, _) -> true
                | _ -> false
            | _ -> true)
    )

[<Fact>]
let ``what is asked of the assistant is what the session waits for`` () =
    holds (
        each (fun happening ->
            let asked =
                happening.Commands
                |> List.filter (fun command ->
                    match command.Action with
                    | AskAssistant _ -> true
                    | _ -> false)

            asked.Length <= 1
            && asked
               |> List.forall (fun command ->
                   match Session.openTurn happening.After with
                   | Some turn -> turn.Key = command.Key
                   | None -> false))
    )

[<Fact>]
let ``at most one ticket is being created`` () =
    holds (
        each (fun happening ->
            let creations =
                happening.Commands
                |> List.filter (fun command ->
                    match command.Action with
                    | CreateTicket _ -> true
                    | _ -> false)

            let illegal =
                match happening.After.Phase, happening.After.Owed with
                | TicketCreation(_, Creating _), Some _ -> true
                | _ -> false

            not illegal
            && creations.Length <= 1
            && creations
               |> List.forall (fun command ->
                   (Session.owedTicket happening.Before).IsNone
                   && (Session.owedTicket happening.After |> Option.map (fun owed -> owed.Key)) =
                       Some command.Key))
    )

/// The last ticket that the customer was shown before this event, with the buttons' revision.
let private shownBefore (conversation: Conversation) index =
    conversation.Happenings
    |> List.truncate index
    |> List.rev
    |> List.tryPick (fun happening ->
        says happening
        |> List.rev
        |> List.tryPick (fun utterance ->
            match utterance.Phrase with
            | Ask(IsThisRight ticket, _) -> Some ticket
            | _ -> None))

[<Fact>]
let ``no support ticket is created without a yes to exactly what was shown`` () =
    holds (fun conversation ->
        conversation.Happenings
        |> List.indexed
        |> List.forall (fun (index, happening) ->
            actions happening
            |> List.forall (function
                | CreateTicket(ticket, _) when ticket.Purpose = Support ->
                    let isYes =
                        match happening.Event.Fact with
                        | ChoicePicked _
                        | TextReceived _
                        | MessageEdited _
                        | TimerElapsed(QuietTimer, _) -> true
                        // What comes behind a "yes" that was still waiting takes the "yes" first.
                        | FormAnswered _ -> happening.Before.Gathering.IsSome
                        | MediaReceived media -> media.Caption.IsSome || happening.Before.Gathering.IsSome
                        | _ -> false

                    let wasConfirming =
                        match happening.Before.Phase with
                        | TicketCreation(_, Confirming(shown, _)) -> shown = ticket
                        | _ -> false

                    isYes && wasConfirming && shownBefore conversation index = Some ticket
                | _ -> true)))

[<Fact>]
let ``a person's ticket is only opened for who asked for a person`` () =
    holds (
        each (fun happening ->
            let opened =
                actions happening
                |> List.exists (function
                    | CreateTicket(ticket, _) -> ticket.Purpose = HandOver
                    | _ -> false)

            match happening.Event.Fact with
            | TextReceived _
            | ChoicePicked _
            | MediaReceived _
            | MessageEdited _
            | FormAnswered _
            | TimerElapsed(QuietTimer, _) -> true
            | _ -> not opened)
    )

[<Fact>]
let ``a late answer says nothing`` () =
    holds (
        each (fun happening ->
            match happening.Event.Fact with
            | AssistantAnswered(turn, _)
            | AssistantFailed(turn, _, _) ->
                match Session.openTurn happening.Before with
                | Some openTurn when openTurn.Question.Turn = turn -> true
                | _ -> happening.Commands.IsEmpty
            | _ -> true)
    )

/// Plays a text as one whole turn: what waits is dropped first, and the quiet time is taken as passed.
let private sayNow text (session: Session) =
    let session = {
        session with
            Gathering = None
            Policy = {
                session.Policy with
                    Quiet = TimeSpan.Zero
            }
            Circumstances = {
                session.Circumstances with
                    MessagesAMinute = None
            }
    }

    Transition.transition session {
        Id = Guid.Empty
        At = session.LastActivity
        Session = session.Id
        Version = session.Version + 1L
        Cause = "test"
        Fact =
            TextReceived {
                Message = MessageId "wamid.fresh"
                Text = text
                Quoted = None
            }
    }

[<Fact>]
let ``cancel works at every step until the ticket is sent`` () =
    holds (fun conversation ->
        match conversation.Last.Phase with
        | TicketCreation(_, Creating _) ->
            let after, _ = sayNow "cancelar" conversation.Last
            after.Phase = conversation.Last.Phase
        | TicketCreation _ ->
            [ "cancelar"; "Cancela, por favor"; "never mind"; "deixa pra lá" ]
            |> List.forall (fun text ->
                let after, commands = sayNow text conversation.Last

                match after.Phase with
                | Conversing(None, _) -> commands |> List.exists (fun command -> command.Action.IsSay)
                | _ -> false)
        | Conversing _
        | WithAgent _
        | Closed _ -> true)

[<Fact>]
let ``a person can be asked for at every moment`` () =
    holds (fun conversation ->
        if Session.isClosed conversation.Last then
            true
        else
            [
                "quiero hablar con una persona"
                "talk to a person"
                "falar com um atendente"
            ]
            |> List.forall (fun text ->
                match (fst (sayNow text conversation.Last)).Phase with
                | WithAgent _ -> true
                | _ -> false))

[<Fact>]
let ``a closed session stays closed, and only what it still owes is told`` () =
    holds (
        each (fun happening ->
            if not (Session.isClosed happening.Before) then
                true
            else
                let owes =
                    match happening.Event.Fact with
                    | FileKept(key, _)
                    | FileNotKept(key, _) ->
                        happening.Before.Files
                        |> List.exists (fun file ->
                            file.Fetch = key && file.State = Awaited && file.Ticket.IsSome)
                    | FileNotAttached(key, _) -> key.Version < happening.Before.Version + 1L
                    | _ -> happening.Before.Owed.IsSome

                happening.After.Phase = happening.Before.Phase
                && (happening.Commands.IsEmpty || owes))
    )

[<Fact>]
let ``nothing is closed for idleness before the customer was silent for the whole idle time`` () =
    holds (
        each (fun happening ->
            match happening.Before.Phase, happening.After.Phase with
            | Closed _, _ -> true
            | _, Closed WentIdle ->
                happening.Event.At
                >= happening.Before.LastActivity + happening.Before.Policy.Idle
            | _ -> true)
    )

[<Fact>]
let ``an open session always has its idle timer set`` () =
    holds (
        each (fun happening ->
            Session.isClosed happening.After
            || happening.After.Version = 0L
            || happening.After.Idle.IsSome)
    )

[<Fact>]
let ``what the session waits for was asked for under the same key and is not called off`` () =
    holds (fun conversation ->
        let asked =
            conversation.Happenings
            |> List.collect (fun happening -> happening.Commands)
            |> List.map (fun command -> command.Key, command)
            |> Map.ofList

        Transition.resume conversation.Last
        |> List.forall (fun command ->
            match Map.tryFind command.Key asked with
            | Some original ->
                // The customer may be reached at another address by now.
                match original.Action, command.Action with
                | CreateTicket(asked, _), CreateTicket(awaited, _) -> asked = awaited
                | LookUpTickets _, LookUpTickets _ -> true
                | asked, awaited -> asked = awaited
            | None -> false))

[<Fact>]
let ``keys of commands are never used twice`` () =
    holds (fun conversation ->
        let keys =
            conversation.Happenings
            |> List.collect (fun happening -> happening.Commands)
            |> List.map (fun command -> command.Key)

        keys.Length = (List.distinct keys).Length)

[<Fact>]
let ``after Creating comes only what became of the ticket`` () =
    holds (
        each (fun happening ->
            match happening.Before.Phase, happening.Event.Fact with
            | TicketCreation(_, Creating owed), TicketCreated(key, reference) when
                key = owed.Key && counted happening
                ->
                says happening
                |> List.exists (fun utterance -> utterance.Phrase = TicketWasCreated reference)
            | TicketCreation(_, Creating owed), _ ->
                match Session.owedTicket happening.After with
                | Some still -> still.Key = owed.Key
                | None ->
                    match happening.Event.Fact with
                    | TicketRefused(key, _) -> key = owed.Key
                    | _ -> false
            | _ -> true)
    )

[<Fact>]
let ``the session stays small`` () =
    holds (fun conversation ->
        conversation.Last.Recent.Length <= Session.remembered
        && conversation.Last.Files.Length <= CustomerFile.most
        && (conversation.Last.Policy.Quiet > TimeSpan.Zero
            || conversation.Last.Gathering.IsNone))

[<Fact>]
let ``a file goes to one ticket, once, and only after it is there`` () =
    holds (fun conversation ->
        let attached =
            conversation.Happenings
            |> List.collect (fun happening ->
                actions happening
                |> List.choose (function
                    | AttachToTicket(creation, _) -> Some(creation, happening)
                    | _ -> None))

        attached
        |> List.forall (fun (creation, happening) ->
            happening.After.Files
            |> List.exists (fun file -> file.Ticket = Some creation && file.State.IsKept))
        // A ticket that was refused gives its files back, and the next one takes them.
        && conversation.Last.Files
           |> List.forall (fun file ->
               match file.Ticket, file.State with
               | Some creation, Kept _ -> attached |> List.exists (fun (to', _) -> to' = creation)
               | _ -> true))

[<Fact>]
let ``every file that comes is fetched, refused by name, or not taken for the brakes`` () =
    holds (
        each (fun happening ->
            match happening.Event.Fact with
            | MediaReceived media when
                counted happening
                && media.MediaId.IsSome
                && CustomerFile.isFile media.Kind
                && happening.After.Pulse.Told = false
                ->
                actions happening |> List.exists (fun action -> action.IsFetchFile)
                || happening.Before.Files.Length >= CustomerFile.most
            | _ -> true)
    )

[<Fact>]
let ``nobody who wants silence hears what was not asked for`` () =
    holds (
        each (fun happening ->
            match happening.Event.Fact with
            | TimerElapsed(IdleTimer, _) when happening.Before.Circumstances.OptedOut ->
                (says happening).IsEmpty
            | _ -> true)
    )

[<Fact>]
let ``who is speaking is said with the first thing that is said`` () =
    holds (
        each (fun happening ->
            happening.Before.Introduced
            || not happening.After.Introduced
            || match
                says happening
                |> List.tryFind (fun utterance ->
                    match utterance.Phrase with
                    | Goodbye
                    | IdleGoodbye _
                    | OptedOut
                    | OptedIn
                    | SlowDown
                    | MaybeABot -> false
                    | _ -> true)
               with
               | Some {
                          Phrase = (Welcome _ | WelcomeFromAd _ | Answer(_, true) | MessageMayBeLost)
                      } -> true
               | Some utterance -> utterance.Introduce = Some true
               | None -> false)
    )

[<Fact>]
let ``a flood is answered once a minute and then not heard`` () =
    let session =
        Transition.evolve (Session.initial sessionId) {
            Id = Guid.Empty
            At = start
            Session = sessionId
            Version = 1L
            Cause = "test"
            Fact =
                SessionOpened(
                    {
                        Id = sessionId.Customer
                        Phone = None
                        Name = None
                    },
                    Spanish,
                    {
                        Quiet = TimeSpan.Zero
                        Idle = TimeSpan.FromMinutes 30.
                    }
                )
        }

    let most = Option.get Circumstances.usual.MessagesAMinute

    let write (session: Session, said) (index: int, text: string) =
        let event = {
            Id = Guid.Empty
            At = start.AddSeconds(float index * 0.1)
            Session = sessionId
            Version = session.Version + 1L
            Cause = "test"
            Fact =
                TextReceived {
                    Message = MessageId $"wamid.%i{index}"
                    Text = text
                    Quoted = None
                }
        }

        let after, commands = Transition.transition session event
        after, said @ [ commands |> List.filter (fun command -> command.Action.IsSay) ]

    let flood = [ for index in 1 .. most + 20 -> index, $"hola %i{index}" ]
    let after, said = List.fold write (session, []) flood
    Assert.True(after.Pulse.Told)

    let warnings =
        said
        |> List.concat
        |> List.filter (fun command ->
            match command.Action with
            | Say { Phrase = SlowDown } -> true
            | _ -> false)

    Assert.Single warnings |> ignore
    Assert.Empty(said |> List.skip (most + 1) |> List.concat)

    // The next minute is heard again.
    let later, said = write (after, []) (700, "ayuda")
    Assert.False(later.Pulse.Told)
    Assert.NotEmpty(List.concat said)

    // Another bot says the same again and again.
    let same = [
        for index in 1 .. Brakes.repeats + 5 -> 1000 + index, "Gracias por escribirnos."
    ]

    let stuck, said = List.fold write (later, []) same
    Assert.True(stuck.Pulse.Told)
    Assert.Empty(said |> List.skip (Brakes.repeats + 1) |> List.concat)
    let freed, _ = write (stuck, []) (1100, "¿Hay alguien?")
    Assert.False(freed.Pulse.Told)
