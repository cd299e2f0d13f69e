/// The conversation, told as scenes.
module FunctionalBot.Tests.ConversationTests

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Tests.Scenarios

let private title text =
    match TicketTitle.create text with
    | Ok title -> title
    | Error problem -> failwithf "%A" problem

let private description text =
    match TicketDescription.create text with
    | Ok description -> description
    | Error problem -> failwithf "%A" problem

let private email text =
    match EmailAddress.create text with
    | Ok address -> address
    | Error problem -> failwithf "%A" problem

let private ticket: Ticket = {
    Purpose = Support
    Title = title "La taladradora no enciende"
    Description = description "La compré ayer. Probé con otro enchufe y nada."
    Email = Some(email "ana@example.com")
    Files = None
}

let private atConfirmation =
    opened
    |> writes "quiero abrir un ticket"
    |> writes "La taladradora no enciende"
    |> writes "La compré ayer. Probé con otro enchufe y nada."
    |> writes "ana@example.com"

let private shownRevision scene =
    match scene.Session.Phase with
    | TicketCreation(_, Confirming(_, revision)) -> revision
    | other -> failwithf "Not confirming: %A" other

[<Fact>]
let ``a greeting is welcomed by name, with what can be done`` () =
    let scene = opened |> writes "Hola!"
    equal [ Welcome(Some "Ana") ] (lastPhrases scene)

    equal
        [ [ OpenTicket; CheckTickets; TalkToPerson ] ]
        (lastSaid scene |> List.map (fun said -> said.Choices))

[<Fact>]
let ``a question goes to the assistant, and the first answer says who is speaking`` () =
    let scene = opened |> writes "¿A qué hora abren?" |> answers (reply "A las 9.")
    equal [ Answer("A las 9.", true) ] (lastPhrases scene)
    let scene = scene |> writes "¿Y los sábados?" |> answers (reply "A las 10.")
    equal [ Answer("A las 10.", false) ] (lastPhrases scene)

[<Fact>]
let ``a burst of messages is one turn`` () =
    let scene =
        openedWithQuietTime
        |> writes "hola"
        |> writes "una pregunta"
        |> writes "¿a qué hora abren?"

    equal [] (lastPhrases scene)
    let scene = scene |> pauses

    match lastActions scene with
    | [ AskAssistant _ ] -> ()
    | other -> failwithf "%A" other

[<Fact>]
let ``a message behind an open question supersedes it, and the late answer says nothing`` () =
    let scene = opened |> writes "¿A qué hora abren?"
    let first = openTurn scene

    let scene =
        scene |> writes "¿Y los sábados?" |> answersTurn first (reply "A las 9.")

    equal [] (lastActions scene)

    let scene =
        scene |> answers (reply "De lunes a viernes a las 9, los sábados a las 10.")

    equal 1 (lastPhrases scene).Length

[<Fact>]
let ``a thank-you behind an open question does not drop the question`` () =
    let scene = opened |> writes "¿A qué hora abren?" |> writes "gracias"
    Assert.True((Session.openTurn scene.Session).IsSome)

[<Fact>]
let ``while the assistant is down its stand-in is asked, and then the customer is told`` () =
    let scene = opened |> writes "¿A qué hora abren?" |> failsToAnswer

    match lastActions scene with
    | [ AskAssistant { Assistant = StandIn } ] -> ()
    | other -> failwithf "%A" other

    equal [ AssistantIsUnavailable ] (scene |> failsToAnswer |> lastPhrases)

[<Fact>]
let ``an answer that is not known offers a ticket, and yes opens it`` () =
    let scene =
        opened
        |> writes "¿Arreglan motosierras de 1970?"
        |> answers { reply "No lo sé." with Knows = false }

    equal [ OpenTicket; TalkToPerson ] (lastSaid scene).Head.Choices
    equal [ Ask(WhichTitle, None) ] (scene |> writes "sí" |> lastPhrases)

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
let ``the number is told even after the session was closed`` () =
    let scene = atConfirmation |> writes "sí" |> writes "adiós"
    equal (Closed CustomerLeft) scene.Session.Phase
    equal [ TicketWasCreated reference ] (scene |> odooCreates |> lastPhrases)
    equal (Closed CustomerLeft) (scene |> odooCreates).Session.Phase

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
let ``tickets are looked up and told`` () =
    let scene = opened |> writes "¿cuál es el estado de mi ticket?"

    match lastActions scene with
    | [ MarkRead _; LookUpTickets _ ] -> ()
    | other -> failwithf "%A" other

    equal [ YouHaveNoTickets ] (scene |> odooFinds [] |> lastPhrases)

[<Fact>]
let ``silence for the idle time ends with a friendly word, and an earlier timer is set anew`` () =
    let scene =
        opened
        |> writes "hola"
        |> waits (TimeSpan.FromMinutes 20.)
        |> writes "buenas"
        |> idles

    equal [] (lastPhrases scene)
    let scene = scene |> idles
    equal [ IdleGoodbye false ] (lastPhrases scene)
    equal (Closed WentIdle) scene.Session.Phase

[<Fact>]
let ``an idle ticket draft is told not to be sent`` () =
    let scene =
        opened |> writes "abrir ticket" |> waits (TimeSpan.FromMinutes 31.) |> idles

    equal [ IdleGoodbye true ] (scene |> lastPhrases)

[<Theory>]
[<InlineData("I need help with my order please", "en")>]
[<InlineData("vocês entregam em Vigo? preciso de um pedido", "pt")>]
[<InlineData("¿cuánto cuesta el envío?", "es")>]
let ``the language follows the customer`` (text: string, code: string) =
    let scene = opened |> writes text
    equal code (Language.code scene.Session.Language)

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
let ``the thread holds both sides in order`` () =
    let events = ResizeArray<Event>()
    let mutable session = Session.initial opened.Session.Id

    let take fact =
        let event = {
            Id = Guid.Empty
            At = DateTimeOffset(2026, 11, 2, 9, 0, 0, TimeSpan.Zero)
            Session = session.Id
            Version = session.Version + 1L
            Cause = "test"
            Fact = fact
        }

        events.Add event
        session <- Transition.evolve session event

    take (SessionOpened(opened.Session.Customer, Spanish, opened.Session.Policy))

    take (
        TextReceived {
            Message = MessageId "a"
            Text = "¿A qué hora abren?"
            Quoted = None
        }
    )

    take (AssistantAnswered(2L, reply "A las 9."))

    take (
        TextReceived {
            Message = MessageId "b"
            Text = "gracias"
            Quoted = None
        }
    )

    match Thread.ofEvents session.Id events |> Thread.lines with
    | [ FromCustomer "¿A qué hora abren?"
        FromBot { Phrase = Answer("A las 9.", true) }
        FromCustomer "gracias"
        FromBot _ ] -> ()
    | other -> failwithf "%A" other

let private neverOffered title : Fact =
    ChoicePicked {
        Message = MessageId "wamid.never"
        ChoiceId = "an-id-that-was-never-offered"
        Title = title
        Quoted = None
    }

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

    for kind in [ Other; Image; Document ] do
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
