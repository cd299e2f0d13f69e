/// What the scenes of speech that waits are told with.
module FunctionalBot.Tests.WaitingSteps

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.StoreScenes

let lease = TimeSpan.FromSeconds 30.
let now stage = stage.Clock.Value

/// Moves the clock.
let pass (span: TimeSpan) stage =
    stage.Clock.Value <- stage.Clock.Value + span

let day = TimeSpan.FromHours 25.

/// The decision of the scenes, with sessions that know when their customer did something.
let decide stage (said: string list) (work: CustomerWork) : CustomerDecision =
    let decision = decideWith (now stage) (fun _ -> List.map say said) work

    let wrote = work.Entries |> List.exists (fun entry -> entry.Source = "whatsapp")

    {
        decision with
            Sessions =
                decision.Sessions
                |> List.map (fun session -> {
                    session with
                        LastActivity = if wrote then now stage else session.LastActivity
                })
    }

/// The customer writes, and is told these things.
let writes stage id (said: string list) = task {
    do! stage.Store.Deliver [ bodyOf (now stage) [ textFrom "ES.1" id (now stage) "hola" ] ]
    let! _ = stage.Store.Decide 10 (decide stage said)
    return ()
}

/// A timer elapses, and the customer is told these things by it.
let elapses stage (said: string list) = task {
    let! _ = stage.Store.FireTimers 10 (now stage)
    let! ended = stage.Store.Decide 10 (decide stage said)
    Assert.Equal(1, ended)
}

/// Decides what waits, without saying anything, and changes what was decided.
let decideChanged stage (change: CustomerDecision -> CustomerDecision) : Task = task {
    let! _ = stage.Store.Decide 10 (fun work -> decide stage [] work |> change)
    return ()
}

/// The customer writes, and a timer is set by it.
let setTimer stage id (due: DateTimeOffset) = task {
    do! stage.Store.Deliver [ bodyOf (now stage) [ textFrom "ES.1" id (now stage) "hola" ] ]

    do!
        decideChanged stage (fun decision -> {
            decision with
                Commands = [
                    for event in decision.Events do
                        {
                            Key = {
                                Session = event.Session
                                Version = event.Version
                                Ordinal = 0
                            }
                            Action = SetTimer(IdleTimer, due)
                        }
                ]
        })

    return ()
}

/// Takes what is due to be said.
let claimed stage (expected: string list) = task {
    let! claimed = stage.Store.Claim Messaging 100 (now stage) lease
    Assert.Equal<string list>(expected, words claimed)
    return claimed
}

/// Records how a message ended.
let record stage (command: ClaimedCommand) result =
    stage.Store.Record [ command, result ] (now stage)

/// A status of this message comes in.
let status stage (command: ClaimedCommand) id status =
    stage.Store.Deliver [
        bodyOf (now stage) [
            StatusCame(channel, MessageId id, status, Some(CommandKey.text command.Command.Key), now stage)
        ]
    ]

/// Meta says that it came too late.
let refused = Failed(131047, "Re-engagement message")

/// Commands by state; received less ended is what is pending.
let books stage = task {
    let! account = stage.Store.Accounting()
    let ended = account.Ended |> Map.toSeq |> Seq.sumBy snd
    Assert.Equal(account.Pending, account.Received - ended)
    return account.Commands |> Map.filter (fun _ count -> count <> 0L)
}

/// Asserts how many commands there are by their state.
let expectBooks stage (expected: (string * int64) list) = task {
    let! found = books stage
    Assert.Equal<Map<string, int64>>(Map expected, found)
}

/// What the session is told, once it is asked.
let told stage = task {
    let facts = ResizeArray<Fact>()

    let! _ =
        stage.Store.Decide 10 (fun work ->
            facts.AddRange(work.Entries |> List.map _.Fact)
            decide stage [] work)

    return List.ofSeq facts
}

/// Two things are said a day late: the first is refused, so both wait.
let waitTogether stage = task {
    do! writes stage "w1" [ "1"; "2" ]
    pass day stage
    let! first = claimed stage [ "1" ]
    Assert.Equal(Some start, first.Head.LastHeard)
    Assert.True(CustomerWindow.isShut (now stage) first.Head)
    let! recorded = record stage first.Head (AwaitCustomer "too late")
    Assert.Equal(1, recorded)
    return first.Head
}
