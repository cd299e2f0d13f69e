/// What must hold at any store of speech that waits for its customer to write: scenes that only use the port.
module FunctionalBot.Tests.WaitingScenes

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.StoreScenes

let private lease = TimeSpan.FromSeconds 30.
let private now stage = stage.Clock.Value

let private pass (span: TimeSpan) stage =
    stage.Clock.Value <- stage.Clock.Value + span

let private day = TimeSpan.FromHours 25.

/// The decision of the scenes, with sessions that know when their customer did something.
let private decide stage (said: string list) (work: CustomerWork) : CustomerDecision =
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
let private writes stage id (said: string list) = task {
    do! stage.Store.Deliver [ bodyOf (now stage) [ textFrom "ES.1" id (now stage) "hola" ] ]
    let! _ = stage.Store.Decide 10 (decide stage said)
    return ()
}

/// A timer elapses, and the customer is told these things by it.
let private elapses stage (said: string list) = task {
    let! _ = stage.Store.FireTimers 10 (now stage)
    let! ended = stage.Store.Decide 10 (decide stage said)
    Assert.Equal(1, ended)
}

/// Decides what waits, without saying anything, and changes what was decided.
let private decideChanged stage (change: CustomerDecision -> CustomerDecision) : Task = task {
    let! _ = stage.Store.Decide 10 (fun work -> decide stage [] work |> change)
    return ()
}

let private setTimer stage id (due: DateTimeOffset) = task {
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

let private claimed stage (expected: string list) = task {
    let! claimed = stage.Store.Claim Messaging 100 (now stage) lease
    Assert.Equal<string list>(expected, words claimed)
    return claimed
}

let private record stage (command: ClaimedCommand) result =
    stage.Store.Record [ command, result ] (now stage)

let private status stage (command: ClaimedCommand) id status =
    stage.Store.Deliver [
        bodyOf (now stage) [
            StatusCame(channel, MessageId id, status, Some(CommandKey.text command.Command.Key), now stage)
        ]
    ]

let private refused = Failed(131047, "Re-engagement message")

/// Commands by state; received less ended is what is pending.
let private books stage = task {
    let! account = stage.Store.Accounting()
    let ended = account.Ended |> Map.toSeq |> Seq.sumBy snd
    Assert.Equal(account.Pending, account.Received - ended)
    return account.Commands |> Map.filter (fun _ count -> count <> 0L)
}

let private expectBooks stage (expected: (string * int64) list) = task {
    let! found = books stage
    Assert.Equal<Map<string, int64>>(Map expected, found)
}

/// What the session is told, once it is asked.
let private told stage = task {
    let facts = ResizeArray<Fact>()

    let! _ =
        stage.Store.Decide 10 (fun work ->
            facts.AddRange(work.Entries |> List.map _.Fact)
            decide stage [] work)

    return List.ofSeq facts
}

/// Two things are said a day late: the first is refused, so both wait.
let private waitTogether stage = task {
    do! writes stage "w1" [ "1"; "2" ]
    pass day stage
    let! first = claimed stage [ "1" ]
    Assert.Equal(Some start, first.Head.LastHeard)
    Assert.True(CustomerWindow.isShut (now stage) first.Head)
    let! recorded = record stage first.Head (AwaitCustomer "too late")
    Assert.Equal(1, recorded)
    return first.Head
}

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

/// Nobody knows of the first try, the customer writes, and then the first try's refusal comes while the second is on
/// its way: it is not sent a third time. The session hears of it, since nobody can be sure.
let isNotSentTwiceByTheStatusOfAnEarlierTry stage : Task = task {
    do! writes stage "w1" [ "1" ]
    pass day stage
    let! first = claimed stage [ "1" ]
    let firstTry = now stage
    let! _ = record stage first.Head (Parked(firstTry.AddSeconds 60., "no answer"))
    pass (TimeSpan.FromMinutes 5.) stage
    do! writes stage "w2" []
    pass (TimeSpan.FromSeconds 1.) stage
    let! second = claimed stage [ "1" ]
    do! refusedAt stage first.Head "wamid.1" (firstTry.AddSeconds 1.)
    let! recorded = record stage second.Head (Done None)
    Assert.Equal(1, recorded)
    do! expectBooks stage [ "done", 1L ]
    let! facts = told stage
    Assert.Equal(1, facts.Length)
}

/// The same, where the second try was accepted already: the session hears nothing, and nothing is opened again.
let isNotOpenedByTheStatusOfAnEarlierTry stage : Task = task {
    do! writes stage "w1" [ "1" ]
    pass day stage
    let! first = claimed stage [ "1" ]
    let firstTry = now stage
    let! _ = record stage first.Head (Parked(firstTry.AddSeconds 60., "no answer"))
    pass (TimeSpan.FromMinutes 5.) stage
    do! writes stage "w2" []
    let! second = claimed stage [ "1" ]
    let! _ = record stage second.Head (Done None)
    do! refusedAt stage first.Head "wamid.1" (firstTry.AddSeconds 1.)
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
