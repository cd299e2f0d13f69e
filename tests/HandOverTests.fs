/// Conversations that the team has, told as scenes.
module FunctionalBot.Tests.HandOverTests

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Tests.Scenarios
open FunctionalBot.Tests.TicketScenes

[<Fact>]
let ``when Odoo refuses the ticket for the team, the bot is back and a person can be asked for again`` () =
    let handedOver = opened |> writes "quiero hablar con una persona"
    let scene = handedOver |> writes "mi pedido no llega" |> odooRefuses
    equal [ TicketWasRefused ] (lastPhrases scene)
    equal (Conversing(None, NothingOffered)) scene.Session.Phase
    let again = scene |> presses TalkToPerson
    equal [ PersonIsComing ] (lastPhrases again)
    equal 2 (ticketsAskedFor again).Length
    // A support ticket that the team was to have as well.
    let awaited =
        atConfirmation |> writes "sí" |> writes "quiero hablar con una persona"

    let refused = awaited |> odooRefuses
    equal (Conversing(None, NothingOffered)) refused.Session.Phase
    equal None refused.Session.HandedOver

[<Fact>]
let ``who asks for a person gets the contact and a ticket marked for one, and is passed on`` () =
    let scene = opened |> writes "quiero hablar con una persona"
    equal [ PersonIsComing ] (lastPhrases scene)
    equal [ HandOver ] (ticketsAskedFor scene |> List.map (fun ticket -> ticket.Purpose))
    let scene = scene |> odooCreates
    equal [ PersonTicketWasCreated reference ] (lastPhrases scene)
    let scene = scene |> writes "es por mi pedido del martes"
    equal [ PassedOnToPerson ] (lastPhrases scene)
    let scene = scene |> writes "es urgente"

    match lastActions scene with
    | [ MarkRead _; AddToTicket(_, "es urgente"); React(_, "✅") ] -> ()
    | other -> failwithf "%A" other

    equal [ BackWithBot ] (scene |> presses ReturnToBot |> lastPhrases)

[<Fact>]
let ``a person asked for in the middle of a ticket gets what was written so far`` () =
    let scene =
        opened
        |> writes "abrir ticket"
        |> writes "La taladradora no enciende"
        |> writes "quiero hablar con un agente"

    match ticketsAskedFor scene with
    | [ handOver ] ->
        Assert.Contains("La taladradora no enciende", TicketDescription.value handOver.Description)
    | other -> failwithf "%A" other

[<Fact>]
let ``asking twice for a person opens one ticket`` () =
    let scene =
        opened
        |> writes "persona"
        |> odooCreates
        |> presses ReturnToBot
        |> writes "quiero hablar con una persona"

    equal 1 (ticketsAskedFor scene).Length

[<Fact>]
let ``a stale button does not take the conversation away from the team`` () =
    let waiting = opened |> writes "hola" |> presses TalkToPerson

    for pressed in
        [
            waiting |> presses SkipEmail
            waiting |> presses (Confirm 3L)
            waiting |> happens (neverOffered "")
        ] do
        equal [ ThatButtonIsStale ] (lastPhrases pressed)
        equal waiting.Session.Phase pressed.Session.Phase

/// What the team is told of something that was sent to it.
let private noteOf (media: CustomerMedia) =
    opened
    |> presses TalkToPerson
    |> happens (MediaReceived media)
    |> lastActions
    |> List.pick (function
        | AddToTicket(_, note) -> Some note
        | _ -> None)

let private sent kind : CustomerMedia = {
    Message = MessageId "wamid.media"
    Kind = kind
    MediaId = None
    MimeType = None
    Sha256 = None
    FileName = None
    Caption = None
    Content = None
}

[<Fact>]
let ``the team reads places and cards, and no raw elements`` () =
    let place =
        "Plaza Mayor (40.4, -3.7) https://www.openstreetmap.org/?mlat=40.4&mlon=-3.7"

    equal
        ("[ubicación] " + place)
        (noteOf {
            sent Location with
                Content = Some place
        })

    equal
        "[contacto] Eva; +34600"
        (noteOf {
            sent ContactCard with
                Content = Some "Eva; +34600"
        })

    for kind in [ Unsupported; Image; Document ] do
        let note =
            noteOf {
                sent kind with
                    Content = Some """{"id":"wamid.1"}"""
            }

        Assert.DoesNotContain("wamid", note)

[<Fact>]
let ``the team gets a file with the words on it`` () =
    let photo = {
        sent Image with
            MediaId = Some "7"
            Caption = Some "así quedó"
    }

    equal "[imagen] así quedó" (noteOf photo)

    // Words that wait come first, and may take the conversation back.
    let waiting =
        openedWithQuietTime
        |> writes "hola"
        |> pauses
        |> presses TalkToPerson
        |> writes "volver con el bot"

    let after = waiting |> happens (MediaReceived photo)
    equal [ BackWithBot ] (lastPhrases after)

    Assert.True((lastActions after) |> List.exists _.IsFetchFile)
    let after = pauses after
    equal [ FilesAreKept(Image, 1) ] (lastPhrases after)
    Assert.True((Session.openTurn after.Session).IsSome)

[<Fact>]
let ``what turns the direction of writing does not reach the team`` () =
    equal
        "[documento] facturafdp.exe"
        (noteOf {
            sent Document with
                MediaId = Some "7"
                FileName = Some "factura\u202Efdp.exe"
        })

    let notes =
        opened
        |> presses TalkToPerson
        |> writes "mira \u202Eesto\u202C\u0007 👨‍👩‍👧\nya"
        |> lastActions
        |> List.choose (function
            | AddToTicket(_, note) -> Some note
            | _ -> None)

    equal [ "mira esto 👨‍👩‍👧\nya" ] notes

[<Fact>]
let ``who is back with the bot is not told that what is written reaches the team`` () =
    let scene = opened |> writes "persona" |> presses ReturnToBot
    equal [ TicketWasCreated reference ] (scene |> odooCreates |> lastPhrases)
    let ended = scene |> writes "adiós"
    equal [ TicketWasCreated reference ] (ended |> odooCreates |> lastPhrases)

[<Fact>]
let ``a long story that goes along to the team is cut between signs`` () =
    let scene =
        opened
        |> writes "abrir ticket"
        |> writes "La taladradora no enciende"
        // The border falls into an emoji.
        |> writes ("¡No enciende " + String.replicate 1800 "😀")
        |> writes "quiero hablar con un agente"

    match ticketsAskedFor scene with
    | [ handOver ] -> Assert.DoesNotContain("\uFFFD", TicketDescription.value handOver.Description)
    | other -> failwithf "%A" other
