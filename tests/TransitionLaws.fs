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
                        // A picture behind a "yes" that was still waiting takes the "yes" first.
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
let ``a closed session stays closed, and only a ticket it still owes is told`` () =
    holds (
        each (fun happening ->
            if not (Session.isClosed happening.Before) then
                true
            else
                let owes = happening.Before.Owed.IsSome

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
            | Some original -> original.Action = command.Action
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
        && (conversation.Last.Policy.Quiet > TimeSpan.Zero
            || conversation.Last.Gathering.IsNone))
