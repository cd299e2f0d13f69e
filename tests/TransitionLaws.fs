/// The laws of the core, each tried on ten thousand conversations with late, doubled, disordered and hostile
/// events.
module FunctionalBot.Tests.TransitionLaws

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Tests.Laws
open FunctionalBot.Tests.RandomConversations

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
            | MessageEdited _ when counted happening ->
                not (says happening).IsEmpty
                || happening.After.Gathering.IsSome
                || (Session.openTurn happening.After).IsSome
                || happening.After.LookUp.IsSome
                || (Session.owedTicket happening.After).IsSome
                || actions happening
                   |> List.exists (function
                       | AddToTicket _
                       | React _ -> true
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
            let asked = happening |> asking _.IsAskAssistant

            asked.Length <= 1
            && asked
               |> List.forall (fun command ->
                   match Session.openTurn happening.After with
                   | Some turn -> turn.Key = command.Key
                   | None -> false))
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
let ``a closed session waits for nothing but its ticket and its files`` () =
    holds (
        each (fun happening ->
            let after = happening.After

            not (Session.isClosed after)
            || (after.Gathering.IsNone
                && after.Idle.IsNone
                && after.LookUp.IsNone
                && (Session.openTurn after).IsNone))
    )

[<Fact>]
let ``the session stays small`` () =
    holds (fun conversation ->
        conversation.Last.Recent.Length <= Session.remembered
        && conversation.Last.Files.Length <= CustomerFile.most
        && (conversation.Last.Policy.Quiet > TimeSpan.Zero
            || conversation.Last.Gathering.IsNone))
