/// Who wants to hear nothing, and who sends too much: what is said to them, and what is heard of them.
module FunctionalBot.Tests.SilenceTests

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.Scenarios

[<Fact>]
let ``who opts out hears nothing unasked, and is answered all the same`` () =
    let scene = opened |> writes "hola" |> writes "no me escriban más"
    equal [ OptedOut ] (lastPhrases scene)
    Assert.True scene.Session.Circumstances.OptedOut
    let asked = scene |> writes "ayuda"
    equal [ Help ] (lastPhrases asked)
    let idle = asked |> waits (TimeSpan.FromMinutes 31.) |> idles
    equal (Closed WentIdle) idle.Session.Phase
    equal [] (lastPhrases idle)
    let again = asked |> writes "alta"
    equal [ OptedIn ] (lastPhrases again)
    equal [ IdleGoodbye false ] (again |> waits (TimeSpan.FromMinutes 31.) |> idles |> lastPhrases)

[<Fact>]
let ``a wish to end a service is no wish for silence`` () =
    for text in
        [
            "quiero dar de baja mi línea de teléfono"
            "¿dónde está la parada de bus stop central?"
        ] do
        let scene = opened |> writes text
        Assert.False scene.Session.Circumstances.OptedOut

[<Fact>]
let ``an opt-out while the ticket is made leaves the ticket owed`` () =
    let scene =
        opened
        |> writes "abrir ticket"
        |> writes "La taladradora no enciende"
        |> writes "Huele a quemado"
        |> writes "saltar"
        |> writes "sí"
        |> writes "stop"

    Assert.True scene.Session.Owed.IsSome
    equal [ TicketWasCreated reference ] (scene |> odooCreates |> lastPhrases)

[<Fact>]
let ``Meta's word that the customer stopped the messages counts as an opt-out`` () =
    let scene = opened |> writes "hola"

    let said =
        List.head scene.Commands |> List.find (fun command -> command.Action.IsSay)

    let scene = scene |> happens (DeliveryFailed(said.Key, 131050, "stopped"))
    Assert.True scene.Session.Circumstances.OptedOut

let private notes scene =
    lastActions scene
    |> List.choose (function
        | AddToTicket(_, note) -> Some note
        | _ -> None)

[<Fact>]
let ``a wish for silence waits for nothing, and nothing is said behind it`` () =
    let asked = openedWithQuietTime |> writes "¿A qué hora abren?" |> writes "stop"
    equal [ OptedOut ] (lastPhrases asked)
    equal None asked.Session.Gathering

    let thinking = opened |> writes "¿A qué hora abren?"
    let turn = openTurn thinking

    equal [] (thinking |> writes "stop" |> answersTurn turn (reply "A las 9.") |> lastPhrases)

    let looking = opened |> writes "estado de mi ticket" |> writes "baja"
    equal None looking.Session.LookUp

[<Fact>]
let ``a ticket that was being told is left with its files, and that it was not sent is told`` () =
    let scene = opened |> writes "abrir ticket" |> sends Image |> writes "stop"
    equal [ OptedOutUnsent ] (lastPhrases scene)
    equal (Conversing(None, NothingOffered)) scene.Session.Phase
    equal [] scene.Session.Files

[<Fact>]
let ``the team hears of it, and gets what was written to it just before`` () =
    let scene =
        openedWithQuietTime
        |> writes "persona"
        |> pauses
        |> writes "es urgente"
        |> writes "stop"

    equal [ PassedOnToPerson; OptedOut ] (lastPhrases scene)
    equal [ "es urgente"; "El cliente pidió por WhatsApp no recibir más mensajes." ] (notes scene)

[<Fact>]
let ``a goodbye ahead of it ends the session all the same`` () =
    let scene =
        openedWithQuietTime
        |> writes "persona"
        |> pauses
        |> writes "adiós"
        |> writes "stop"

    equal [ Goodbye; OptedOut ] (lastPhrases scene)
    equal (Closed CustomerLeft) scene.Session.Phase
    Assert.True scene.Session.Circumstances.OptedOut

let private silent =
    surrounds (fun circumstances -> { circumstances with OptedOut = true })

[<Fact>]
let ``who wants silence is not greeted for opening the chat, and hears of no file that belongs nowhere`` () =
    equal [] (opened |> silent |> happens (ChatOpened(MessageId "wamid.first")) |> lastPhrases)
    let sent = opened |> writes "hola" |> sends Image |> silent
    equal [] (sent |> fileFails FileGone |> lastPhrases)
    // One that goes with a ticket is waited for.
    let telling = opened |> silent |> writes "abrir ticket" |> sends Image

    equal
        [ Ask(WhichTitle, Some(FileRejected(Image, FileGone))) ]
        (telling |> fileFails FileGone |> lastPhrases)

[<Fact>]
let ``the way back is heard at every place`` () =
    for place in
        [
            opened |> silent |> writes "hola"
            opened |> silent |> writes "abrir ticket"
            opened |> silent |> writes "persona"
        ] do
        let scene = place |> writes "alta"
        equal [ OptedIn ] (lastPhrases scene)
        Assert.False scene.Session.Circumstances.OptedOut

        match place.Session.Phase with
        | Conversing _ -> ()
        | phase -> equal phase scene.Session.Phase

    // For who never went away it is a word like others, and may mean something else.
    Assert.True((Session.openTurn (opened |> writes "quiero darme de alta").Session).IsSome)
    equal [ Ask(WhichDescription, None) ] (opened |> writes "abrir ticket" |> writes "alta" |> lastPhrases)
    equal [ "alta" ] (opened |> writes "persona" |> writes "alta" |> notes)

let private most number =
    surrounds (fun circumstances -> {
        circumstances with
            MessagesAMinute = Some number
    })

[<Fact>]
let ``the brakes let the first wish for silence through`` () =
    let flood = opened |> most 1 |> writes "hola" |> writes "¿hay alguien?"
    equal [ SlowDown ] (lastPhrases flood)
    let scene = flood |> writes "stop"
    equal [ OptedOut ] (lastPhrases scene)
    equal [] (scene |> writes "stop" |> lastPhrases)
    // It was told before that nothing more is heard.
    equal [] (scene |> writes "¿hola?" |> lastPhrases)

[<Fact>]
let ``the brakes let the yes to the ticket that is shown through, and no other button`` () =
    let shown =
        opened
        |> writes "abrir ticket"
        |> writes "La taladradora no enciende"
        |> writes "Huele a quemado"
        |> writes "saltar"
        |> most 1
        |> writes "a ver"

    equal [ SlowDown ] (lastPhrases shown)
    equal [] (shown |> presses ChangeSomething |> lastPhrases)
    equal [] (shown |> presses (Confirm 1L) |> ticketsAskedFor)

    match shown.Session.Phase with
    | TicketCreation(_, Confirming(ticket, revision)) ->
        equal [ ticket ] (shown |> presses (Confirm revision) |> ticketsAskedFor)
    | other -> failwithf "%A" other

[<Fact>]
let ``thumbs up are answered no more often than messages`` () =
    let shown =
        opened
        |> writes "abrir ticket"
        |> writes "La taladradora no enciende"
        |> writes "Huele a quemado"
        |> writes "saltar"
        |> most 3

    let thumb scene index =
        scene
        |> happens (ReactionReceived(MessageId $"wamid.thumb.%i{index}", MessageId "wamid.bot", Some "👍"))

    let scene = ([ 1..20 ] |> List.fold thumb shown)
    let before = List.length shown.Commands

    let answers =
        scene.Commands
        |> List.truncate (scene.Commands.Length - before)
        |> List.concat
        |> List.filter _.Action.IsSay

    Assert.InRange(answers.Length, 1, 4)

[<Fact>]
let ``a goodbye or a thank-you with which a session begins gets no words, and neither does its end`` () =
    for words, emoji in [ "hasta luego", "👋"; "gracias", "🙏" ] do
        let scene = opened |> writes words

        match lastActions scene with
        | [ MarkRead _; React(_, sent) ] -> equal emoji sent
        | other -> failwithf "%A" other

        let ended = scene |> waits (TimeSpan.FromMinutes 31.) |> idles
        equal (Closed WentIdle) ended.Session.Phase
        equal [] (lastPhrases ended)

    // A wish that was answered before gets none either.
    let again = opened |> writes "stop" |> writes "baja"
    equal [] (lastPhrases again)
    // What was said asks for a word.
    equal [ Goodbye ] (opened |> writes "hola" |> writes "hasta luego" |> lastPhrases)

/// How often something is said to who writes this again and again, ten seconds apart, in however many sessions.
let private answersTo (text: string) (times: int) =
    let decide current index =
        let at = opened.Now.AddSeconds(10. * float index)
        let message = $"wamid.again.%i{index}"

        let work: CustomerWork = {
            Channel = opened.Session.Id.Channel
            Customer = opened.Session.Customer
            Language = Some Spanish
            Current = current
            Others = Map.empty
            OptedOut = current |> Option.exists _.Circumstances.OptedOut
            Blocked = false
            Entries = [
                {
                    Id = int64 index
                    Source = "whatsapp"
                    SourceId = message
                    At = at
                    Session = None
                    Trace = None
                    Fact =
                        TextReceived {
                            Message = MessageId message
                            Text = text
                            Quoted = None
                        }
                }
            ]
        }

        Reception.decide (Reception.always opened.Session.Policy Spanish) at (fun () -> Guid.Empty) work

    let step (current, said) index =
        let decision = decide current index

        decision.Sessions |> List.tryLast |> Option.orElse current,
        said
        + (decision.Commands
           |> List.filter (fun command -> command.Action.IsSay)
           |> List.length)

    [ 1..times ] |> List.fold step (None, 0) |> snd

[<Theory>]
[<InlineData("Hasta luego")>]
[<InlineData("gracias")>]
[<InlineData("stop")>]
let ``another bot that answers each goodbye does not keep this one talking`` (text: string) =
    Assert.InRange(answersTo text 60, 0, 20)
