/// A ticket told step by step, confirmed, and what becomes of it, told as scenes.
module FunctionalBot.Tests.TicketDialogueTests

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Tests.Scenarios
open FunctionalBot.Tests.TicketScenes

[<Fact>]
let ``the ticket is asked for step by step, confirmed, created and told`` () =
    let scene = opened |> writes "quiero abrir un ticket"
    equal [ Ask(WhichTitle, None) ] (lastPhrases scene)
    let scene = scene |> writes "La taladradora no enciende"
    equal [ Ask(WhichDescription, None) ] (lastPhrases scene)
    let scene = scene |> writes "La compré ayer. Probé con otro enchufe y nada."
    equal [ Ask(WhichEmail, None) ] (lastPhrases scene)
    let scene = scene |> writes "ana@example.com"
    equal [ Ask(IsThisRight ticket, None) ] (lastPhrases scene)
    let scene = scene |> presses (Confirm(shownRevision scene))
    equal [ ticket ] (ticketsAskedFor scene)
    let scene = scene |> odooCreates
    equal [ TicketWasCreated reference ] (lastPhrases scene)
    let scene = scene |> writes "no, gracias"
    equal [ Goodbye ] (lastPhrases scene)
    equal (Closed CustomerLeft) scene.Session.Phase

[<Fact>]
let ``the e-mail may be skipped by button and in words`` () =
    let before =
        opened
        |> writes "abrir ticket"
        |> writes "La taladradora no enciende"
        |> writes "Nada que hacer."

    for scene in
        [
            before |> presses SkipEmail
            before |> writes "no tengo correo"
            before |> writes "saltar"
        ] do
        match scene.Session.Phase with
        | TicketCreation(_, Confirming({ Email = None }, _)) -> ()
        | other -> failwithf "%A" other

[<Fact>]
let ``a wrong e-mail is told and asked for again, a right one within a sentence is found`` () =
    let scene =
        opened
        |> writes "abrir ticket"
        |> writes "La taladradora no enciende"
        |> writes "Nada que hacer."
        |> writes "ana@ejemplo"

    equal [ Ask(WhichEmail, Some(FieldRejected(EmailField, NotAnAddress))) ] (lastPhrases scene)

    match (scene |> writes "perdona, es Ana@Example.com, gracias").Session.Phase with
    | TicketCreation(_, Confirming({ Email = Some address }, _)) ->
        equal "ana@example.com" (EmailAddress.value address)
    | other -> failwithf "%A" other

[<Fact>]
let ``any field can be changed before the yes, and the ticket is shown anew`` () =
    let scene = atConfirmation |> presses ChangeSomething
    equal [ Ask(WhichField, None) ] (lastPhrases scene)
    let scene = scene |> presses (Change TitleField)
    equal [ Ask(WhichTitle, None) ] (lastPhrases scene)
    let scene = scene |> writes "La taladradora echa humo"

    let changed = {
        ticket with
            Title = title "La taladradora echa humo"
    }

    equal [ Ask(IsThisRight changed, None) ] (lastPhrases scene)
    equal [ changed ] (scene |> writes "sí" |> ticketsAskedFor)

[<Fact>]
let ``the button of an earlier showing confirms nothing`` () =
    let stale = Confirm(shownRevision atConfirmation)

    let scene =
        atConfirmation
        |> writes "cambia el título"
        |> writes "La taladradora echa humo"
        |> presses stale

    equal [] (ticketsAskedFor scene)

    equal
        [
            Ask(
                IsThisRight {
                    ticket with
                        Title = title "La taladradora echa humo"
                },
                Some ButtonIsStale
            )
        ]
        (lastPhrases scene)

[<Fact>]
let ``back goes one step back at every step`` () =
    let scene = opened |> writes "abrir ticket"
    equal [ Ask(WhichTitle, Some AlreadyAtFirstStep) ] (scene |> writes "atrás" |> lastPhrases)
    let scene = scene |> writes "La taladradora no enciende"
    equal [ Ask(WhichTitle, None) ] (scene |> presses GoBack |> lastPhrases)
    let scene = scene |> writes "Nada que hacer."
    equal [ Ask(WhichDescription, None) ] (scene |> writes "volver" |> lastPhrases)

[<Theory>]
[<InlineData("")>]
[<InlineData("  \u200b ")>]
[<InlineData("😀😀😀")>]
let ``a title without words is refused kindly and asked for again`` (text: string) =
    let scene = opened |> writes "abrir ticket" |> writes text

    match lastPhrases scene with
    | [ Ask(WhichTitle, Some(FieldRejected(TitleField, _))) ] -> ()
    | other -> failwithf "%A" other

[<Fact>]
let ``a story in place of a title is kept as the description`` () =
    let story = String.replicate 30 "No enciende y huele a quemado. "
    let scene = opened |> writes "abrir ticket" |> writes story
    equal [ Ask(WhichTitle, Some KeptAsDescription) ] (lastPhrases scene)
    equal [ Ask(WhichEmail, None) ] (scene |> writes "No enciende" |> lastPhrases)

[<Fact>]
let ``a text of 5,000 characters for a title is too long, and the question stands`` () =
    let scene = opened |> writes "abrir ticket" |> writes (String('a', 5000))

    equal
        [
            Ask(WhichTitle, Some(FieldRejected(TitleField, TooLong(5000, TicketTitle.limit))))
        ]
        (lastPhrases scene)

[<Fact>]
let ``a sticker where text was asked repeats the question`` () =
    let scene = opened |> writes "abrir ticket" |> sends Sticker
    equal [ Ask(WhichTitle, Some(CannotRead Sticker)) ] (lastPhrases scene)

[<Fact>]
let ``words of a wish within a longer answer are part of the answer`` () =
    let scene = opened |> writes "abrir ticket" |> writes "no puedo cancelar mi pedido"
    equal [ Ask(WhichDescription, None) ] (lastPhrases scene)

[<Fact>]
let ``what the assistant understood is not asked for again`` () =
    let scene =
        opened
        |> writes "quiero abrir un ticket porque la taladradora no enciende desde ayer"
        |> answers {
            reply "" with
                Intent = WantsTicket
                Hints = {
                    Title = Some "La taladradora no enciende"
                    Description = Some "No enciende desde ayer."
                    Email = None
                }
        }

    equal [ Ask(WhichEmail, Some PrefilledFromYourWords) ] (lastPhrases scene)

[<Fact>]
let ``while Odoo is away the ticket stays owed, the talk goes on, and the number is told later`` () =
    let scene = atConfirmation |> writes "sí" |> odooIsDown
    equal [ TicketIsDelayed ] (lastPhrases scene)
    let scene = scene |> writes "¿A qué hora abren?" |> answers (reply "A las 9.")
    equal [ Answer("A las 9.", false) ] (lastPhrases scene)
    equal [ TicketWasCreated reference ] (scene |> odooCreates |> lastPhrases)
    equal 1 (ticketsAskedFor scene).Length

[<Fact>]
let ``a second ticket waits until the first is there`` () =
    let scene =
        atConfirmation |> writes "sí" |> odooIsDown |> writes "abrir otro ticket"

    equal [ AnotherTicketIsPending ] (lastPhrases scene)

[<Fact>]
let ``a ticket that Odoo refuses is shown again with a way out`` () =
    let scene = atConfirmation |> writes "sí" |> odooRefuses
    equal [ TicketWasRefused ] (lastPhrases scene)
    equal [ ticket; ticket ] (scene |> presses (Confirm(shownRevision scene)) |> ticketsAskedFor)

[<Fact>]
let ``the number is told even after the session was closed`` () =
    let scene = atConfirmation |> writes "sí" |> writes "adiós"
    equal (Closed CustomerLeft) scene.Session.Phase
    equal [ TicketWasCreated reference ] (scene |> odooCreates |> lastPhrases)
    equal (Closed CustomerLeft) (scene |> odooCreates).Session.Phase

[<Fact>]
let ``an idle ticket draft is told not to be sent`` () =
    let scene =
        opened |> writes "abrir ticket" |> waits (TimeSpan.FromMinutes 31.) |> idles

    equal [ IdleGoodbye true ] (scene |> lastPhrases)
