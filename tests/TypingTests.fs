/// The typing dots while the assistant works.
module FunctionalBot.Tests.TypingTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Interpreter
open FunctionalBot.Tests.Protected
open FunctionalBot.Tests.StoreFixture

let private ok: AssistantAnswer = Scenarios.reply "A las 9."

/// Asks an assistant that answers after so many seconds. Gives the result, when it was there, and when each mark was
/// sent for which message of which channel, in seconds.
let private asking
    (question: AssistantQuestion)
    attempt
    (seconds: float)
    (answer: unit -> Result<AssistantAnswer, AssistantFailure>)
    (mark: World -> Task<SendOutcome>)
    =
    let result = ref None
    let marks = ResizeArray<float * string * MessageId>()

    inSimulatedTime 21 (fun world -> task {
        let begun = world.Now()
        let since () = (world.Now() - begun).TotalSeconds

        let assistant: AssistantPort = {
            Ask =
                fun _ cancel -> task {
                    do! world.Delay (TimeSpan.FromSeconds seconds) cancel
                    return answer ()
                }
        }

        let services =
            InterpreterTests.servicesWith (Accepted(MessageId "x")) assistant (WillNotDo "unused")

        let services = {
            services with
                World = world
                For =
                    fun _ ->
                        Some {
                            InterpreterTests.numberWith assistant (WillNotDo "unused") with
                                StandIn = assistant
                        }
                WhatsApp = {
                    services.WhatsApp with
                        MarkRead =
                            fun channel message _ ->
                                marks.Add(since (), channel, message)
                                mark world
                }
        }

        let claimed = {
            onFirstTry (keyOf "ES.1" 3L) (AskAssistant question) with
                Attempt = attempt
                QueuedAt = begun
        }

        let! ended = Interpreter.run services claimed never
        result.Value <- Some(ended, since ())
        // Nothing comes after the answer.
        do! world.Delay (TimeSpan.FromMinutes 5.) never
    })

    Option.get result.Value, List.ofSeq marks

let private question: AssistantQuestion = {
    Turn = 1L
    Assistant = Primary
    Hint = None
    Language = Spanish
    Message = Some(MessageId "wamid.7")
}

let private accepted _ : Task<SendOutcome> =
    Task.FromResult(Accepted(MessageId "wamid.7"))

let private times marks =
    marks |> List.map (fun (at, _, _) -> at)

let private isAnswered (result: CommandResult) =
    match result with
    | Done(Some(AssistantAnswered(1L, _))) -> true
    | _ -> false

[<Fact>]
let ``while the assistant works, the dots are shown anew every twenty seconds, and not after the answer`` () =
    // The first mark, at 0, is the command of its own that the message itself asked for.
    let (result, at), marks = asking question 1 70. (fun () -> Ok ok) accepted
    Assert.True(isAnswered result, $"%A{result}")
    Assert.Equal(70., at)
    Assert.Equal<float list>([ 20.; 40.; 60. ], times marks)

    Assert.All(
        marks,
        (fun (_, channel, message) -> Assert.Equal(("whatsapp-1", MessageId "wamid.7"), (channel, message)))
    )

    let _, quick = asking question 1 1. (fun () -> Ok ok) accepted
    Assert.Empty quick

[<Fact>]
let ``a further try, and the stand-in's, begin with the dots`` () =
    let _, second = asking question 2 50. (fun () -> Ok ok) accepted
    Assert.Equal<float list>([ 0.; 20.; 40. ], times second)

    let _, standIn =
        asking { question with Assistant = StandIn } 1 1. (fun () -> Ok ok) accepted

    Assert.Equal<float list>([ 0. ], times standIn)
    // The older build's question names no message.
    let _, older =
        asking { question with Message = None } 2 70. (fun () -> Ok ok) accepted

    Assert.Empty older

[<Fact>]
let ``no mark fails the question or holds its answer up, whatever becomes of it`` () =
    let never (world: World) : Task<SendOutcome> = task {
        do! world.Delay (TimeSpan.FromHours 1.) System.Threading.CancellationToken.None
        return OutcomeUnknown "no answer"
    }

    let endings: (World -> Task<SendOutcome>) list = [
        fun _ -> Task.FromResult(ChannelStopped(190, "token"))
        fun _ -> Task.FromResult(Refused(131009, "no such message"))
        fun _ -> raise (InvalidOperationException "a fault")
        fun _ -> Task.FromException<SendOutcome>(InvalidOperationException "a fault")
        never
    ]

    for ending in endings do
        let (result, at), _ = asking question 2 70. (fun () -> Ok ok) ending
        Assert.True(isAnswered result, $"%A{result}")
        Assert.Equal(70., at)

[<Fact>]
let ``a question that fails ends the dots too`` () =
    let (result, _), marks =
        asking question 1 30. (fun () -> Error(CannotAnswer "no")) accepted

    match result with
    | Done(Some(AssistantFailed(1L, Primary, "no"))) -> ()
    | other -> failwith $"%A{other}"

    Assert.Equal<float list>([ 20. ], times marks)

    let (result, _), marks =
        asking question 1 30. (fun () -> failwith "a fault") accepted

    Assert.True(result.IsRunAgain, $"%A{result}")
    Assert.Equal<float list>([ 20. ], times marks)
