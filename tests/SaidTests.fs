/// Which message the customer answers: from the statuses that tell Meta's id of what was said, to the words that the
/// assistant sees.
module FunctionalBot.Tests.SaidTests

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture
open Xunit

/// Says two things to a customer, of which Meta delivers one and loses one; what is found afterwards.
let private finding (stage: StoreScenes.Stage) : Task = task {
    let store = stage.Store
    do! store.Deliver [ bodyOf start [ textFrom "ES.1" "1" start "hola" ] ]

    let! _ = store.Decide 10 (decideWith start (fun _ -> [ say "uno"; say "dos" ]))

    let claimNext word id status = task {
        let! claimed = store.Claim Messaging 10 start lease
        Assert.Equal<string list>([ word ], words claimed)
        let! _ = store.Record [ claimed.Head, Done None ] start
        let key = CommandKey.text claimed.Head.Command.Key

        do!
            store.Deliver [
                for name in status do
                    bodyOf start [ StatusCame(channel, MessageId id, name, Some key, start) ]
            ]
    }

    do! claimNext "uno" "wamid.uno" [ Sent; Delivered; Read ]
    do! claimNext "dos" "wamid.dos" [ Failed(131026, "x"); UnknownStatus "warning" ]

    let found customer id = task {
        match! store.Said (sessionOf customer 7) (MessageId id) with
        | Some { Phrase = Answer(text, _) } -> return Some text
        | Some other -> return failwith $"%A{other}"
        | None -> return None
    }

    let! one = found "ES.1" "wamid.uno"
    Assert.Equal(Some "uno", one)

    // Of another customer, never seen, unknown, and no message of ours.
    for customer, id in [ "ES.2", "wamid.uno"; "ES.1", "wamid.dos"; "ES.1", "wamid.tres"; "ES.1", "1" ] do
        let! nothing = found customer id
        Assert.Equal(None, nothing)
}

[<Fact>]
let ``memory: what was said is found by Meta's id of it, for its customer alone`` () =
    MemoryStoreTests.inMemory finding

[<Fact>]
let ``PostgreSQL: what was said is found by Meta's id of it, for its customer alone`` () =
    MemoryStoreTests.inPostgres finding

let private line id text quoted : ThreadLine =
    FromCustomer {
        Message = Some(MessageId id)
        Text = text
        Quoted = quoted |> Option.map MessageId
    }

let private told text : ThreadLine =
    match say text with
    | Say utterance -> FromBot utterance
    | other -> failwith $"%A{other}"

[<Fact>]
let ``of several quotes the newest since the bot spoke counts`` () =
    let quoted lines =
        Thread.quoted lines |> Option.map (fun (MessageId id) -> id)

    Assert.Equal(None, quoted [])
    Assert.Equal(Some "a", quoted [ line "1" "hola" (Some "a"); told "sí" ])
    Assert.Equal(None, quoted [ line "1" "hola" (Some "a"); told "sí"; line "2" "x" None ])
    Assert.Equal(Some "b", quoted [ line "1" "x" (Some "a"); line "2" "y" (Some "b"); line "3" "z" None ])

/// What the assistant is told that the customer answers, and which messages the store was asked for.
let private askedAbout (lines: ThreadLine list) : Task<string option * string list> = task {
    let requests = ConcurrentQueue<AssistantRequest>()
    let lookedUp = ConcurrentQueue<string>()

    let assistant = {
        Ask =
            fun request _ ->
                requests.Enqueue request
                Task.FromResult(Error(CannotAnswer "of the tests"))
    }

    let services = {
        InterpreterTests.servicesWith (Accepted(MessageId "x")) assistant (WillNotDo "of the tests") with
            ReadThread = fun _ -> Task.FromResult(Ok lines)
            Said =
                fun _ (MessageId id) ->
                    lookedUp.Enqueue id

                    Task.FromResult(
                        match id, say "Abrimos a las 9" with
                        | "wamid.bot", Say utterance -> Some utterance
                        | _ -> None
                    )
    }

    let key = {
        Session = sessionOf "ES.1" 1
        Version = 3L
        Ordinal = 0
    }

    let claimed =
        Protected.onFirstTry
            key
            (AskAssistant {
                Turn = 3L
                Assistant = Primary
                Hint = None
                Language = Spanish
                Message = None
            })

    let! _ = Interpreter.run services claimed CancellationToken.None
    return (Assert.Single requests).About, List.ofSeq lookedUp
}

[<Fact>]
let ``the assistant sees the words that are answered, and the store is asked only for what the thread lacks``
    ()
    : Task = task {
    for lines, about, lookedUp in
        [
            [ line "1" "hola" None ], None, []
            [ line "1" "el lunes" None; told "sí"; line "2" "¿y esto?" (Some "1") ], Some "el lunes", []
            // The services of these tests render every utterance so.
            [ told "sí"; line "2" "¿y los domingos?" (Some "wamid.bot") ], Some "hola", [ "wamid.bot" ]
            [ told "sí"; line "2" "¿y esto?" (Some "wamid.old") ], None, [ "wamid.old" ]
        ] do
        let! found = askedAbout lines
        Assert.Equal((about, lookedUp), found)
}
