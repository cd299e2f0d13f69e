/// What becomes of messages that did not arrive, told as scenes.
module FunctionalBot.Tests.UndeliveredTests

open Xunit
open FunctionalBot.Domain
open FunctionalBot.Tests.RandomConversations
open FunctionalBot.Tests.Scenarios
open FunctionalBot.Tests.TicketScenes

/// The keys of what the last event said, first one first.
let private saidKeys scene =
    scene.Commands
    |> List.head
    |> List.filter (fun command -> command.Action.IsSay)
    |> List.map (fun command -> command.Key)

/// The last message that was said never arrives, for this reason of Meta's.
let private losesFor code scene =
    let key =
        scene.Commands
        |> List.pick (fun commands ->
            commands |> List.rev |> List.tryFind (fun command -> command.Action.IsSay))
        |> fun command -> command.Key

    scene |> happens (DeliveryFailed(key, code, "Message undeliverable"))

let private loses scene = losesFor 131026 scene

let private atTitle = opened |> writes "quiero abrir un ticket"

let private shown scene =
    match scene.Session.Phase with
    | TicketCreation(_, Confirming(ticket, _)) -> ticket
    | other -> failwithf "Not confirming: %A" other

[<Fact>]
let ``a lost message says nothing by itself, and is told once when the customer writes again`` () =
    let scene = opened |> writes "hola" |> loses
    equal [] (lastActions scene)
    let scene = scene |> writes "¿A qué hora abren?"
    equal [ MessageMayBeLost ] (lastPhrases scene)
    Assert.True((Session.openTurn scene.Session).IsSome)
    let scene = scene |> answers (reply "A las 9.") |> writes "¿Y los sábados?"
    equal [] (lastPhrases scene)

[<Fact>]
let ``a burst hears of it when it is answered, once and ahead of the answer`` () =
    let scene =
        openedWithQuietTime
        |> writes "hola"
        |> pauses
        |> loses
        |> writes "hola"
        |> writes "¿siguen ahí?"

    equal [] (lastPhrases scene)
    let scene = scene |> pauses
    equal [ MessageMayBeLost ] (lastPhrases scene |> List.truncate 1)
    equal 1 (lastPhrases scene |> List.filter _.IsMessageMayBeLost |> List.length)

[<Fact>]
let ``buttons and files hear of it too`` () =
    let lost = opened |> writes "hola" |> loses
    equal [ MessageMayBeLost; Ask(WhichTitle, None) ] (lost |> presses OpenTicket |> lastPhrases)
    equal [ MessageMayBeLost; FilesAreKept(Image, 1) ] (lost |> sends Image |> lastPhrases)
    equal [ MessageMayBeLost; CannotReadKind Sticker ] (lost |> sends Sticker |> lastPhrases)

[<Fact>]
let ``with a person the message still reaches the team`` () =
    let scene =
        opened |> writes "quiero hablar con una persona" |> loses |> writes "es urgente"

    equal [ MessageMayBeLost; PassedOnToPerson ] (lastPhrases scene)

    Assert.Contains(
        lastActions scene,
        fun action ->
            match action with
            | AddToTicket(_, note) -> note = "es urgente"
            | _ -> false
    )

[<Fact>]
let ``a lost question is asked again, and what was written meanwhile is no answer to it`` () =
    let scene = atTitle |> loses |> writes "hola, ¿siguen ahí?"
    equal [ Ask(WhichTitle, Some QuestionMayBeLost) ] (lastPhrases scene)
    let scene = scene |> writes "La taladradora no enciende"
    equal [ Ask(WhichDescription, None) ] (lastPhrases scene)

[<Fact>]
let ``a ticket whose showing was lost is not created by a yes, but by the yes after it was shown again`` () =
    let before = atConfirmation
    let scene = before |> loses |> writes "sí"
    equal [] (ticketsAskedFor scene)
    equal [ Ask(IsThisRight(shown before), Some QuestionMayBeLost) ] (lastPhrases scene)
    equal [ shown before ] (scene |> writes "sí" |> ticketsAskedFor)

[<Fact>]
let ``a button of a showing that counts as lost is still a yes, since the customer saw it`` () =
    match atConfirmation.Session.Phase with
    | TicketCreation(_, Confirming(ticket, revision)) ->
        equal [ ticket ] (atConfirmation |> loses |> presses (Confirm revision) |> ticketsAskedFor)
    | other -> failwithf "%A" other

[<Theory>]
[<InlineData("cancelar")>]
[<InlineData("quiero hablar con una persona")>]
[<InlineData("adiós")>]
[<InlineData("atrás")>]
let ``what needs no question is done although the question was lost`` (words: string) =
    let scene = atTitle |> writes "La taladradora no enciende" |> loses |> writes words

    match lastPhrases scene with
    | [ MessageMayBeLost; Ask(_, Some QuestionMayBeLost) ] -> failwith "It was asked again."
    | MessageMayBeLost :: _ :: _ -> ()
    | other -> failwithf "%A" other

[<Fact>]
let ``a failed apology is not apologised for`` () =
    let scene = opened |> writes "hola" |> loses |> writes "¿A qué hora abren?"
    let apology = saidKeys scene |> List.exactlyOne
    let scene = scene |> answers (reply "A las 9.")

    let scene =
        scene
        |> happens (DeliveryFailed(apology, 131026, "Message undeliverable"))
        |> writes "gracias"

    Assert.DoesNotContain(MessageMayBeLost, lastPhrases scene)

[<Fact>]
let ``a question that is lost again and again is asked each time the customer writes, and excused once`` () =
    let scene = atConfirmation |> loses |> writes "sí" |> loses |> writes "sí"
    equal [] (ticketsAskedFor scene)
    equal [ Ask(IsThisRight(shown scene), None) ] (lastPhrases scene)
    let scene = scene |> loses |> writes "sí"
    equal [] (ticketsAskedFor scene)
    equal 1 (lastPhrases scene).Length

[<Fact>]
let ``an older message that is reported lost late is told of, and the answer is taken`` () =
    let welcome = opened |> writes "hola"
    let lost = saidKeys welcome |> List.exactlyOne

    let scene =
        welcome
        |> writes "quiero abrir un ticket"
        |> happens (DeliveryFailed(lost, 131026, "Message undeliverable"))
        |> writes "La taladradora no enciende"

    equal [ MessageMayBeLost; Ask(WhichDescription, None) ] (lastPhrases scene)

[<Theory>]
[<InlineData(130403)>]
[<InlineData(130472)>]
[<InlineData(130497)>]
[<InlineData(131049)>]
[<InlineData(131050)>]
let ``a customer who is not to be written to hears nothing of it`` (code: int) =
    let scene = opened |> writes "hola" |> losesFor code |> writes "¿A qué hora abren?"
    equal [] (lastPhrases scene)

[<Fact>]
let ``what another session lost, or what was never said, is no loss of this one`` () =
    let scene = opened |> writes "hola"
    let key = saidKeys scene |> List.exactlyOne

    let other = {
        key with
            Session = { key.Session with Ordinal = 7 }
    }

    for stranger in [ other; { key with Version = 99L } ] do
        let scene = scene |> happens (DeliveryFailed(stranger, 131026, "x"))
        equal [] scene.Session.Delivery.Lost

[<Fact>]
let ``only a few lost messages are remembered, and the newest among them`` () =
    let scene = (opened, [ 1..5 ]) ||> List.fold (fun scene _ -> scene |> writes "hola")

    let keys =
        scene.Commands
        |> List.concat
        |> List.filter (fun command -> command.Action.IsSay)
        |> List.map (fun command -> command.Key)

    let after =
        (scene, keys)
        ||> List.fold (fun scene key -> scene |> happens (DeliveryFailed(key, 131026, "x")))

    equal 5 keys.Length
    equal (List.truncate Undelivered.remembered keys) after.Session.Delivery.Lost

    equal
        after.Session.Delivery.Lost
        (after |> happens (DeliveryFailed(keys[0], 131026, "x"))).Session.Delivery.Lost

let private excuses (commands: Command list) =
    commands
    |> List.filter (fun command ->
        match command.Action with
        | Say {
                  Phrase = (MessageMayBeLost | Ask(_, Some QuestionMayBeLost))
              } -> true
        | _ -> false)

/// Without this no failure could be answered by a message, that by a failure, and so on for ever.
[<Fact>]
let ``in any conversation each excuse follows a failure of its own and something that the customer did`` () =
    holds (fun conversation ->
        let failures =
            conversation.Happenings
            |> List.filter (fun happening -> happening.Event.Fact.IsDeliveryFailed)

        let excused =
            conversation.Happenings
            |> List.collect (fun happening -> excuses happening.Commands)

        let quiet = failures |> List.forall (fun happening -> happening.Commands.IsEmpty)

        quiet
        && excused.Length <= failures.Length
        && conversation.Last.Delivery.Lost.Length <= Undelivered.remembered)

/// A yes in words counts for what has been seen.
[<Fact>]
let ``in any conversation words create no ticket whose showing is known to be lost`` () =
    holds (fun conversation ->
        conversation.Happenings
        |> List.forall (fun happening ->
            let lost =
                match happening.Before.Phase, happening.Before.Delivery.LastSaid with
                | TicketCreation(_, Confirming _), Some last ->
                    List.contains last happening.Before.Delivery.Lost
                | _ -> false

            let creates =
                happening.Commands
                |> List.exists (fun command ->
                    match command.Action with
                    | CreateTicket(ticket, _) -> ticket.Purpose = Support
                    | _ -> false)

            match happening.Event.Fact with
            | TextReceived _
            | MessageEdited _
            | TimerElapsed _ -> not (lost && creates)
            | _ -> true))
