/// What must hold at any store where a status refuses as too late what had been sent: scenes that only use the port.
module FunctionalBot.Tests.LateRefusalScenes

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.StoreScenes
open FunctionalBot.Tests.WaitingSteps

/// Meta accepted it and says afterwards that it was too late: it is open again, and the books are right.
let isOpenAgainWhenAStatusRefusesIt stage : Task = task {
    do! writes stage "w1" [ "1" ]
    pass day stage
    let! first = claimed stage [ "1" ]
    let! _ = record stage first.Head (Done None)
    do! expectBooks stage [ "done", 1L ]
    pass (TimeSpan.FromSeconds 2.) stage
    do! status stage first.Head "wamid.1" refused
    do! expectBooks stage [ "ready", 1L ]
    // It is handed out to wait, and not to be sent; the session hears nothing.
    let! again = claimed stage [ "1" ]
    Assert.True again.Head.IsShut
    let! _ = record stage again.Head (AwaitCustomer "too late")
    do! expectBooks stage [ "waiting", 1L ]
    let! facts = told stage
    Assert.Empty facts
    // The status comes again, while it waits and when it was sent at last: nothing happens.
    do! status stage first.Head "wamid.1" refused
    do! expectBooks stage [ "waiting", 1L ]
    do! writes stage "w2" []
    let! last = claimed stage [ "1" ]
    Assert.False last.Head.IsShut
    let! _ = record stage last.Head (Done None)
    do! status stage first.Head "wamid.1" refused
    do! expectBooks stage [ "done", 1L ]
    let! facts = told stage
    Assert.Empty facts
    let! account = stage.Store.Accounting()
    Assert.Equal(Some 1L, account.Ended.TryFind "settled")
    Assert.Equal(Some 2L, account.Ended.TryFind "duplicate")
}

/// Of two that were accepted the second is refused when the first waits already: it waits with it, and keeps its place.
let waitsWithWhatWaits stage : Task = task {
    do! writes stage "w1" [ "1"; "2" ]
    pass day stage
    let! first = claimed stage [ "1" ]
    let! _ = record stage first.Head (Done None)
    let! second = claimed stage [ "2" ]
    let! _ = record stage second.Head (Done None)
    pass (TimeSpan.FromSeconds 2.) stage
    do! status stage second.Head "wamid.2" refused
    let! again = claimed stage [ "2" ]
    let! _ = record stage again.Head (AwaitCustomer "too late")
    do! status stage first.Head "wamid.1" refused
    do! expectBooks stage [ "waiting", 2L ]
    do! writes stage "w2" []

    for expected in [ "1"; "2" ] do
        let! next = claimed stage [ expected ]
        let! _ = record stage next.Head (Done None)
        ()

    do! expectBooks stage [ "done", 2L ]
}

/// The customer wrote between the send and the status: it goes out at once.
let goesOutAgainWhereTheCustomerWroteBeforeTheStatus stage : Task = task {
    do! writes stage "w1" [ "1" ]
    pass day stage
    let! first = claimed stage [ "1" ]
    let! _ = record stage first.Head (Done None)
    let at = (now stage).AddSeconds 1.
    pass (TimeSpan.FromSeconds 20.) stage
    do! writes stage "w2" []

    do!
        stage.Store.Deliver [
            bodyOf (now stage) [
                StatusCame(
                    channel,
                    MessageId "wamid.1",
                    refused,
                    Some(CommandKey.text first.Head.Command.Key),
                    at
                )
            ]
        ]

    let! again = claimed stage [ "1" ]
    Assert.False again.Head.IsShut
}

/// The status comes ahead of the answer to the call, whose result counts no more.
let isKeptWhenTheStatusOvertakesTheAnswer stage : Task = task {
    do! writes stage "w1" [ "1" ]
    pass day stage
    let! first = claimed stage [ "1" ]
    do! status stage first.Head "wamid.1" refused
    let! late = record stage first.Head (Done None)
    Assert.Equal(0, late)
    let! again = claimed stage [ "1" ]
    Assert.True again.Head.IsShut
    do! expectBooks stage [ "running", 1L ]
}

/// Answer and status both refuse it, in this order; and a send whose outcome is unknown is refused by its status.
let isRefusedTwice stage : Task = task {
    let! first = waitTogether stage
    do! status stage first "wamid.1" refused
    do! expectBooks stage [ "waiting", 2L ]
    do! writes stage "w2" []
    let! again = claimed stage [ "1" ]
    let! _ = record stage again.Head (Parked((now stage).AddSeconds 60., "no answer"))
    pass (TimeSpan.FromSeconds 5.) stage
    do! status stage again.Head "wamid.2" refused
    let! third = claimed stage [ "1" ]
    Assert.True third.Head.IsShut
    let! facts = told stage
    Assert.Empty facts
}

/// A refusal of this message, by the sender's clock at that time.
let private refusedAt stage (command: ClaimedCommand) id at =
    stage.Store.Deliver [
        bodyOf (now stage) [
            StatusCame(channel, MessageId id, refused, Some(CommandKey.text command.Command.Key), at)
        ]
    ]

/// What is said a day late is tried at the time that is given back, nobody knows with what success, and the customer
/// writes after that.
let private triedWithoutAnswer stage = task {
    do! writes stage "w1" [ "1" ]
    pass day stage
    let! first = claimed stage [ "1" ]
    let firstTry = now stage
    let! _ = record stage first.Head (Parked(firstTry.AddSeconds 60., "no answer"))
    pass (TimeSpan.FromMinutes 5.) stage
    do! writes stage "w2" []
    return first.Head, firstTry
}

/// Nobody knows of the first try, the customer writes, and then the first try's refusal comes while the second is on
/// its way: it is not sent a third time. The session hears of it, since nobody can be sure.
let isNotSentTwiceByTheStatusOfAnEarlierTry stage : Task = task {
    let! first, firstTry = triedWithoutAnswer stage
    pass (TimeSpan.FromSeconds 1.) stage
    let! second = claimed stage [ "1" ]
    do! refusedAt stage first "wamid.1" (firstTry.AddSeconds 1.)
    let! recorded = record stage second.Head (Done None)
    Assert.Equal(1, recorded)
    do! expectBooks stage [ "done", 1L ]
    let! facts = told stage
    Assert.Equal(1, facts.Length)
}

/// The same, where the second try was accepted already: the session hears nothing, and nothing is opened again.
let isNotOpenedByTheStatusOfAnEarlierTry stage : Task = task {
    let! first, firstTry = triedWithoutAnswer stage
    let! second = claimed stage [ "1" ]
    let! _ = record stage second.Head (Done None)
    do! refusedAt stage first "wamid.1" (firstTry.AddSeconds 1.)
    do! expectBooks stage [ "done", 1L ]
    let! _ = claimed stage []
    let! facts = told stage
    Assert.Empty facts
}

/// A failed status of another kind still ends what waits, and one that tells of arrival too.
let endsByOtherStatuses stage : Task = task {
    let! first = waitTogether stage
    do! status stage first "wamid.1" Delivered
    do! expectBooks stage [ "done", 1L; "waiting", 1L ]
    do! writes stage "w2" []
    let! second = claimed stage [ "2" ]
    let! _ = record stage second.Head (AwaitCustomer "too late")
    do! status stage second.Head "wamid.2" (Failed(131026, "Message undeliverable"))
    do! expectBooks stage [ "dead", 1L; "done", 1L ]
    let! facts = told stage

    Assert.Equal<Fact list>(
        [ DeliveryFailed(second.Head.Command.Key, 131026, "Message undeliverable") ],
        facts
    )
}
