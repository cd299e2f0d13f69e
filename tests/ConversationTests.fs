/// The conversation outside of tickets, told as scenes.
module FunctionalBot.Tests.ConversationTests

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Tests.Scenarios
open FunctionalBot.Tests.TicketScenes

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

[<Theory>]
[<InlineData("I need help with my order please", "en")>]
[<InlineData("vocês entregam em Vigo? preciso de um pedido", "pt")>]
[<InlineData("¿cuánto cuesta el envío?", "es")>]
let ``the language follows the customer`` (text: string, code: string) =
    let scene = opened |> writes text
    equal code (Language.code scene.Session.Language)

/// The conversation of these facts as the assistant sees it.
let private threadOf (quiet: TimeSpan) (facts: Fact list) =
    let events =
        SessionOpened(
            opened.Session.Customer,
            Spanish,
            {
                opened.Session.Policy with
                    Quiet = quiet
            }
        )
        :: facts
        |> List.mapi (fun index fact -> {
            Id = Guid.Empty
            At = DateTimeOffset(2026, 11, 2, 9, 0, 0, TimeSpan.Zero)
            Session = opened.Session.Id
            Version = int64 index + 1L
            Cause = "test"
            Fact = fact
        })

    Thread.ofEvents opened.Session.Id events |> Thread.lines

let private wrote id text : Fact =
    TextReceived {
        Message = MessageId id
        Text = text
        Quoted = None
    }

[<Fact>]
let ``the thread holds both sides in order`` () =
    match
        threadOf TimeSpan.Zero [
            wrote "a" "¿A qué hora abren?"
            AssistantAnswered(2L, reply "A las 9.")
            wrote "b" "gracias"
        ]
    with
    | [ FromCustomer {
                         Text = "¿A qué hora abren?"
                         Message = Some(MessageId "a")
                     }
        FromBot { Phrase = Answer("A las 9.", true) }
        FromCustomer { Text = "gracias" }
        FromBot _ ] -> ()
    | other -> failwithf "%A" other

[<Fact>]
let ``what is edited or taken back before its turn stands in the thread as it was meant`` () =
    let customers lines =
        lines
        |> List.choose (function
            | FromCustomer line -> Some(line.Message, line.Text)
            | FromBot _ -> None)

    equal
        [
            Some(MessageId "a"), "¿A qué hora abren?"
            Some(MessageId "c"), "¿Y los domingos?"
        ]
        (threadOf (TimeSpan.FromSeconds 2.) [
            wrote "a" "¿A qué hora abren?"
            wrote "b" "mi clave es 1234"
            wrote "c" "¿Y los sábados?"
            MessageRevoked(MessageId "d", MessageId "b")
            MessageEdited(MessageId "e", MessageId "c", "¿Y los domingos?")
         ]
         |> customers)

    // Later it is a new thing said.
    equal
        [ "¿A qué hora abren?"; "¿A qué hora cierran?" ]
        (threadOf TimeSpan.Zero [
            wrote "a" "¿A qué hora abren?"
            MessageEdited(MessageId "b", MessageId "a", "¿A qué hora cierran?")
         ]
         |> customers
         |> List.map snd)
