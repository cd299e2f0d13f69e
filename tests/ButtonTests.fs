/// Buttons, and words that say the same, told as scenes.
module FunctionalBot.Tests.ButtonTests

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Tests.Scenarios
open FunctionalBot.Tests.TicketScenes

/// Where each choice is offered.
let private offered = [
    opened |> writes "hola", [ OpenTicket; CheckTickets; TalkToPerson ]
    opened |> writes "abrir ticket", [ CancelTicket ]
    opened |> writes "abrir ticket" |> writes "No enciende", [ GoBack; CancelTicket ]
    opened
    |> writes "abrir ticket"
    |> writes "No enciende"
    |> writes "Nada que hacer.",
    [ SkipEmail; GoBack; CancelTicket ]
    atConfirmation, [ Confirm(shownRevision atConfirmation); ChangeSomething; CancelTicket ]
    atConfirmation |> presses ChangeSomething,
    [ Change TitleField; Change DescriptionField; Change EmailField; CancelTicket ]
    atConfirmation |> writes "sí" |> odooCreates, [ SayGoodbye ]
    opened |> writes "persona", [ ReturnToBot ]
    opened |> writes "stop", [ WriteToMeAgain ]
]

[<Theory>]
[<InlineData("es")>]
[<InlineData("en")>]
[<InlineData("pt")>]
let ``whoever types what stands on a button gets what the button does`` (code: string) =
    use document =
        System.Text.Json.JsonDocument.Parse(Repository.read ("data/phrases/" + code + ".json"))

    let titleOf choice =
        let key =
            (Choice.id choice).Replace(":" + string (shownRevision atConfirmation), "")

        ((document.RootElement.GetProperty "choices").GetProperty key).GetProperty("title").GetString()
        |> string

    // The language follows what is typed, which no button does.
    let outcome scene = scene.Session.Phase, lastPhrases scene

    for scene, choices in offered do
        for choice in choices do
            let pressed, typed = scene |> presses choice, scene |> writes (titleOf choice)

            Assert.True(
                (outcome pressed = outcome typed),
                $"%s{titleOf choice}: %A{outcome pressed} but %A{outcome typed}"
            )

[<Fact>]
let ``a yes behind words that still wait confirms nothing that was not shown yet`` () =
    let askedForEmail =
        openedWithQuietTime
        |> presses OpenTicket
        |> writes "La taladradora no enciende"
        |> pauses
        |> writes "La compré ayer. Probé con otro enchufe y nada."
        |> pauses
        |> writes "ana@example.com"

    // A row of an older version of the bot.
    let unknownChoice: CustomerChoice = {
        Message = MessageId "wamid.row"
        ChoiceId = "an-id-of-an-older-version"
        Title = "sí"
        Quoted = None
    }

    let answered = askedForEmail |> happens (ChoicePicked unknownChoice)
    equal [] (ticketsAskedFor answered)

    equal
        [ Ask(IsThisRight ticket, None); Ask(IsThisRight ticket, Some ButtonIsStale) ]
        (lastPhrases answered)

    // The id that the confirmation is only about to get.
    let guessed = askedForEmail |> presses (Confirm(askedForEmail.Session.Version + 1L))
    equal [] (ticketsAskedFor guessed)

[<Fact>]
let ``a button that was never offered is no answer within the ticket dialogue`` () =
    let title = opened |> presses OpenTicket
    let description = title |> writes "La taladradora no enciende"
    let email = description |> writes "La compré ayer. Probé con otro enchufe y nada."

    for words in [ "Más tarde"; "sí"; "adiós"; "cancelar"; "ana@example.com"; "" ] do
        for scene, question in [ title, WhichTitle; description, WhichDescription; email, WhichEmail ] do
            let pressed = scene |> happens (neverOffered words)
            equal [ Ask(question, Some ButtonIsStale) ] (lastPhrases pressed)
            equal scene.Session.Phase pressed.Session.Phase

        let shown = email |> writes "ana@example.com"
        let pressed = shown |> happens (neverOffered words)
        equal [ Ask(IsThisRight ticket, Some ButtonIsStale) ] (lastPhrases pressed)
        equal [] (ticketsAskedFor pressed)

[<Fact>]
let ``a button that was never offered is read as its words outside the ticket dialogue`` () =
    let pressed = opened |> happens (neverOffered "quiero abrir un ticket")
    equal [ Ask(WhichTitle, None) ] (lastPhrases pressed)
    // One that says nothing at all is not handed to the assistant.
    equal [ ThatButtonIsStale ] (opened |> happens (neverOffered " ") |> lastPhrases)
