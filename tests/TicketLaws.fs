/// What always holds for tickets, and for who asks for a person.
module FunctionalBot.Tests.TicketLaws

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Tests.Laws
open FunctionalBot.Tests.RandomConversations

[<Fact>]
let ``at most one ticket is being created`` () =
    holds (
        each (fun happening ->
            let creations = happening |> asking _.IsCreateTicket

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
