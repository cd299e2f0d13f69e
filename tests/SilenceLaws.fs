/// What always holds for who is spoken to, and when nothing is said.
module FunctionalBot.Tests.SilenceLaws

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Tests.Laws
open FunctionalBot.Tests.RandomConversations

/// The event is the next of an open session, and not a message that came before.
let private arrives (happening: Happening) =
    happening.After.Version = happening.Before.Version + 1L
    && not (Session.isClosed happening.Before)
    && match Transition.messageOf happening.Event.Fact with
       | Some message -> not (List.contains message happening.Before.Recent)
       | None -> true

/// The answer to a wish for silence.
let private isConfirmation (phrase: Phrase) =
    phrase = OptedOut || phrase = OptedOutUnsent

[<Fact>]
let ``nobody who wants silence hears what was not asked for`` () =
    holds (
        each (fun happening ->
            match happening.Event.Fact with
            | TimerElapsed(IdleTimer, _)
            | ChatOpened _ when happening.Before.Circumstances.OptedOut ->
                phrases happening |> List.forall (fun phrase -> phrase = SlowDown)
            | _ -> true)
    )

[<Fact>]
let ``the first wish for silence is always heard, at once, and its answer is the last word`` () =
    holds (
        each (fun happening ->
            match happening.Event.Fact with
            | TextReceived text when
                Rules.asksForSilence text.Text
                && arrives happening
                && not happening.Before.Circumstances.OptedOut
                ->
                let said = phrases happening
                let after = happening.After

                let confirmation =
                    match happening.Before.Phase with
                    | TicketCreation(_, Creating _) -> OptedOut
                    | TicketCreation _ -> OptedOutUnsent
                    | Conversing _
                    | WithAgent _
                    | Closed _ -> OptedOut

                List.tryLast said = Some confirmation
                && (said |> List.filter isConfirmation).Length = 1
                && after.Circumstances.OptedOut
                && after.Gathering.IsNone
                && after.LookUp.IsNone
                && (Session.openTurn after).IsNone
            | _ -> true)
    )

/// What became of something that the customer had asked for.
let private isOutcome (happening: Happening) (phrase: Phrase) =
    match phrase, happening.Event.Fact with
    | (TicketWasCreated _ | PersonTicketWasCreated _ | TicketIsDelayed | TicketWasRefused | FileWasNotAttached),
      _ -> true
    | FileNotTaken _, FileNotKept(key, _) ->
        happening.Before.Files
        |> List.exists (fun file -> file.Fetch = key && file.Ticket.IsSome)
    | _ -> false

[<Fact>]
let ``behind a wish for silence only what became of tickets is told, until the customer does something`` () =
    holds (fun conversation ->
        let step (isSilent, isKept) (happening: Happening) =
            let said = phrases happening

            match Transition.messageOf happening.Event.Fact with
            | Some _ when counted happening && not happening.Event.Fact.IsCustomerMoved ->
                List.exists isConfirmation said, isKept
            | _ ->
                let goesOn =
                    happening.After.Circumstances.OptedOut
                    && not (List.contains TicketWasRefused said)

                isSilent && goesOn, isKept && (not isSilent || List.forall (isOutcome happening) said)

        conversation.Happenings |> List.fold step (false, true) |> snd)

[<Fact>]
let ``the brakes never swallow the yes to the ticket that is shown`` () =
    holds (
        each (fun happening ->
            match happening.Event.Fact, happening.Before.Phase with
            | ChoicePicked choice, TicketCreation(draft, Confirming(shown, revision)) when
                choice.ChoiceId = Choice.id (Confirm revision)
                && arrives happening
                && happening.Before.Gathering.IsNone
                && Draft.complete draft = Some shown
                ->
                actions happening
                |> List.exists (function
                    | CreateTicket(ticket, _) -> ticket = shown
                    | _ -> false)
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
                    | OptedOutUnsent
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
