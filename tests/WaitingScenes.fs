/// What must hold at any store of speech that waits for its customer to write: scenes that only use the port.
module FunctionalBot.Tests.WaitingScenes

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.StoreScenes
open FunctionalBot.Tests.WaitingSteps

let waitsUntilTheCustomerWrites stage : Task = task {
    let! first = waitTogether stage
    do! expectBooks stage [ "waiting", 2L ]
    let! account = stage.Store.Accounting()
    Assert.Empty account.OldestOpen
    // Nothing of it is handed out, however long it takes, and its result counts once.
    pass (day * 9.) stage
    let! _ = claimed stage []
    let! again = record stage first (Done None)
    Assert.Equal(0, again)
    // What waited goes out first, one after the other, and then the answer.
    do! writes stage "w2" [ "3" ]
    do! expectBooks stage [ "ready", 3L ]

    for expected in [ "1"; "2"; "3" ] do
        let! next = claimed stage [ expected ]
        Assert.False(CustomerWindow.isShut (now stage) next.Head)
        let! none = stage.Store.Claim Messaging 100 (now stage) lease
        Assert.Empty none
        let! _ = record stage next.Head (Done None)
        ()

    do! expectBooks stage [ "done", 3L ]
}

let countsAsNoTry stage : Task = task {
    let! _ = waitTogether stage
    do! writes stage "w2" []
    let! again = claimed stage [ "1" ]
    Assert.Equal((2, 1), (again.Head.Attempt, again.Head.PutOffs))
}

let keepsWhatIsSaidLaterBehindIt stage : Task = task {
    do! setTimer stage "w0" ((now stage).AddHours 30.)
    let! _ = waitTogether stage
    pass (TimeSpan.FromHours 6.) stage
    do! elapses stage [ "3" ]
    // It is not open as if it could be said: it waits like what is ahead of it.
    do! expectBooks stage [ "waiting", 3L ]
    let! _ = claimed stage []
    do! writes stage "w2" [ "4" ]

    for expected in [ "1"; "2"; "3"; "4" ] do
        let! next = claimed stage [ expected ]
        let! _ = record stage next.Head (Done None)
        ()
}

let othersDoNotWait stage : Task = task {
    let! _ = waitTogether stage
    do! stage.Store.Deliver [ bodyOf (now stage) [ textFrom "ES.2" "x1" (now stage) "hola" ] ]
    let! _ = stage.Store.Decide 10 (decide stage [ "other" ])
    let! _ = claimed stage [ "other" ]
    do! expectBooks stage [ "running", 1L; "waiting", 2L ]
}

/// The customer writes while the message is on its way to be refused: nobody else would ever wake it.
let isNotMissedByWhatTheCustomerWroteMeanwhile stage : Task = task {
    do! writes stage "w1" [ "1" ]
    pass day stage
    let! first = claimed stage [ "1" ]
    do! writes stage "w2" [ "2" ]
    let! _ = record stage first.Head (AwaitCustomer "too late")
    let! again = claimed stage [ "1" ]
    Assert.Equal(Some(now stage), again.Head.LastHeard)
    let! _ = record stage again.Head (Done None)
    let! _ = claimed stage [ "2" ]
    ()
}

/// The same with a reaction, of which no session knows.
let isNotMissedByWhatChangesNoSession stage : Task = task {
    do! writes stage "w1" [ "1" ]
    pass day stage
    let! first = claimed stage [ "1" ]
    do! stage.Store.Deliver [ bodyOf (now stage) [ textFrom "ES.1" "w2" (now stage) "hola" ] ]

    let! _ =
        stage.Store.Decide 10 (fun work -> {
            Events = []
            Sessions = []
            Commands = []
            Endings = [ for entry in work.Entries -> entry.Id, Ignored "a reaction" ]
        })

    let! _ = record stage first.Head (AwaitCustomer "too late")
    let! again = claimed stage [ "1" ]
    Assert.False(CustomerWindow.isShut (now stage) again.Head)
}

let isWokenByWhatChangesNoSession stage : Task = task {
    let! _ = waitTogether stage
    do! stage.Store.Deliver [ bodyOf (now stage) [ textFrom "ES.1" "w2" (now stage) "hola" ] ]

    let! _ =
        stage.Store.Decide 10 (fun work -> {
            Events = []
            Sessions = []
            Commands = []
            Endings = [ for entry in work.Entries -> entry.Id, Ignored "a reaction" ]
        })

    let! again = claimed stage [ "1" ]
    Assert.Equal(Some(now stage), again.Head.LastHeard)
}

let isGivenUpWhenTheCustomerStaysSilent stage : Task = task {
    let! first = waitTogether stage
    let keep = TimeSpan.FromDays 30.
    let! none = stage.Store.Forget keep (now stage) 100
    Assert.Equal(0, none)
    pass keep stage
    let! _ = stage.Store.Forget keep (now stage) 100
    do! expectBooks stage [ "dead", 2L ]
    let! facts = told stage
    Assert.Equal(2, facts.Length)

    match facts.Head with
    | DeliveryFailed(key, 131047, _) -> Assert.Equal(first.Command.Key, key)
    | fact -> failwith $"%A{fact}"

    do! writes stage "w2" []
    let! _ = claimed stage []
    ()
}

let private customer: CustomerKey = {
    Channel = channel
    Customer = CustomerId "ES.1"
}

let asksByTemplateOnceBetweenTwoMessages stage : Task = task {
    let take lastHeard =
        stage.Store.TakeTemplate customer lastHeard (now stage)

    do! writes stage "w1" []
    pass day stage
    let! first = take (Some start)
    let! second = take (Some start)
    let! unknown = take None
    Assert.Equal((true, false, false), (first, second, unknown))
    do! stage.Store.GiveBackTemplate customer
    let! again = take (Some start)
    Assert.True again
    pass day stage
    let! later = take (Some start)
    let! written = take (Some((now stage).AddSeconds -1.))
    Assert.Equal((false, true), (later, written))
}

/// The customer says what they want to hear of the bot's own accord.
let private wants stage id (isOptedOut: bool) = task {
    do! stage.Store.Deliver [ bodyOf (now stage) [ textFrom "ES.1" id (now stage) "baja" ] ]

    do!
        decideChanged stage (fun decision -> {
            decision with
                Sessions =
                    decision.Sessions
                    |> List.map (fun session -> {
                        session with
                            Circumstances = {
                                session.Circumstances with
                                    OptedOut = isOptedOut
                            }
                    })
        })

    return ()
}

let asksNobodyWhoOptedOut stage : Task = task {
    do! writes stage "w1" []
    do! wants stage "w2" true
    pass day stage
    let! silent = stage.Store.TakeTemplate customer (Some start) (now stage)
    Assert.False silent
    do! wants stage "w3" false
    pass day stage
    let! asked = stage.Store.TakeTemplate customer (Some start) (now stage)
    Assert.True asked
}

let private byPhone: Person = {
    BusinessScopedId = None
    Phone = Some "34600111222"
    Name = None
}

let private byId: Person = {
    BusinessScopedId = Some "ES.7"
    Phone = None
    Name = None
}

let private writesAs stage id person said = task {
    let fact =
        TextReceived {
            Message = MessageId id
            Text = "hola"
            Quoted = None
        }

    do! stage.Store.Deliver [ bodyOf (now stage) [ CustomerDid(channel, person, id, now stage, fact) ] ]
    let! _ = stage.Store.Decide 10 (decide stage said)
    return ()
}

/// Something waits for a customer whose contact is merged into another then: it is due, and refused once more.
let private isRefusedThoughMerged stage = task {
    do! writesAs stage "w1" byPhone [ "1" ]
    pass day stage
    let! first = claimed stage [ "1" ]
    let! _ = record stage first.Head (AwaitCustomer "too late")
    do! writesAs stage "w2" byId []
    do! expectBooks stage [ "waiting", 1L ]
    pass (TimeSpan.FromMinutes 1.) stage
    do! writesAs stage "w3" { byId with Phone = byPhone.Phone } []
    let! again = claimed stage [ "1" ]
    Assert.False(CustomerWindow.isShut (now stage) again.Head)
    Assert.Equal(Some "ES.7", again.Head.Recipient.BusinessScopedId)
    pass (TimeSpan.FromSeconds 1.) stage
    let! _ = record stage again.Head (AwaitCustomer "too late")
    return ()
}

/// What waits for a contact that is merged into another is not left behind: nothing that is written wakes that contact.
/// Should it be refused still, it is not put to sleep under a name that nobody writes under any more.
let isDueWhenItsContactIsMerged stage : Task = task {
    do! isRefusedThoughMerged stage
    let! _ = claimed stage []
    pass (TimeSpan.FromHours 1.) stage
    let! _ = claimed stage [ "1" ]
    ()
}

/// Nor is it tried for ever: it ends as what waits does.
let isGivenUpThoughItsContactWasMerged stage : Task = task {
    do! isRefusedThoughMerged stage
    let keep = TimeSpan.FromDays 30.
    let! none = stage.Store.Forget keep (now stage) 100
    Assert.Equal(0, none)
    pass keep stage
    let! last = claimed stage [ "1" ]
    let! _ = record stage last.Head (AwaitCustomer "too late")
    // The hour is not over: it would be tried again at its end.
    let! _ = stage.Store.Forget keep (now stage) 100
    do! expectBooks stage [ "dead", 1L ]
    let! facts = told stage

    match facts with
    | [ DeliveryFailed(key, 131047, _) ] -> Assert.Equal(last.Head.Command.Key, key)
    | facts -> failwith $"%A{facts}"

    pass (TimeSpan.FromHours 2.) stage
    let! _ = claimed stage []
    ()
}
