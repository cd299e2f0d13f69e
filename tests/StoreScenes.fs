/// What must hold at any store, the one in memory and the one in PostgreSQL: scenes that only use the port.
module FunctionalBot.Tests.StoreScenes

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture

/// A store with a clock that the scene moves.
[<NoComparison; NoEquality>]
type Stage = {
    Store: StorePort
    Clock: DateTimeOffset ref
}

let private lease = TimeSpan.FromSeconds 30.

let private pass seconds stage =
    stage.Clock.Value <- stage.Clock.Value.AddSeconds seconds

let private now stage = stage.Clock.Value

let private receive stage updates =
    stage.Store.Deliver [ bodyOf (now stage) updates ]

/// Takes in one text and queues these actions for it.
let private ask stage customer id actions = task {
    do! receive stage [ textFrom customer id (now stage) "hola" ]
    let! _ = stage.Store.Decide 10 (decideWith (now stage) (fun _ -> actions))
    return ()
}

let private claim stage service =
    stage.Store.Claim service 100 (now stage) lease

let private record stage command result =
    stage.Store.Record [ command, result ] (now stage)

let private words (claimed: ClaimedCommand list) =
    claimed
    |> List.map (fun command ->
        match command.Command.Action with
        | Say { Phrase = Answer(text, _) } -> text
        | other -> failwith $"%A{other}")

let private status stage (command: ClaimedCommand) id status =
    receive stage [
        StatusCame(channel, MessageId id, status, Some(CommandKey.text command.Command.Key), now stage)
    ]

let private expectWords stage (expected: string list) = task {
    let! claimed = claim stage Messaging
    Assert.Equal<string list>(expected, words claimed)
    return claimed
}

/// Received minus ended is what is pending.
let private account stage = task {
    let! account = stage.Store.Accounting()
    let ended = account.Ended |> Map.toSeq |> Seq.sumBy snd
    Assert.Equal(account.Pending, account.Received - ended)
    return account
}

let private lookUp =
    LookUpTickets {
        Id = CustomerId "ES.1"
        Phone = None
        Name = None
    }

/// Everything that the inbox tells the decision, once it is asked.
let private decided stage = task {
    let told = ResizeArray<InboxEntry>()

    let! _ =
        stage.Store.Decide 10 (fun work ->
            told.AddRange work.Entries
            decideWith (now stage) (fun _ -> []) work)

    return List.ofSeq told
}

let takesEachThingOnce stage : Task = task {
    let update = textFrom "ES.1" "wamid.1" (now stage) "hola"
    do! receive stage [ update; update ]
    do! receive stage [ update; NothingToDo(None, "another field", "x") ]
    do! receive stage [ NotUnderstood(Some "wamid.2", "no sender", "x") ]

    do!
        stage.Store.Deliver [
            {
                Body = [| 0uy |]
                At = now stage
                Trace = None
                Updates = Error "not JSON"
            }
        ]

    let! before = account stage
    Assert.Equal(1L, before.Pending)
    Assert.Equal(Some(now stage), before.OldestPending)
    let! told = decided stage
    Assert.Equal<string list>([ "wamid.1" ], told |> List.map _.SourceId)
    do! receive stage [ update ]
    let! after = account stage
    let expected = Map [ "applied", 1L; "dead", 2L; "duplicate", 3L; "ignored", 1L ]
    Assert.Equal<Map<string, int64>>(expected, after.Ended)
}

let carriesTraces stage : Task = task {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    do!
        stage.Store.Deliver [
            {
                bodyOf (now stage) [ textFrom "ES.1" "wamid.1" (now stage) "hola" ] with
                    Trace = Some trace
            }
        ]

    let! _ = stage.Store.Decide 10 (decideWith (now stage) (fun _ -> [ lookUp ]))
    let! claimed = claim stage Ticketing
    Assert.Equal<string option list>([ Some trace ], claimed |> List.map _.Trace)
    let failed = TicketLookUpFailed(claimed.Head.Command.Key, "down")
    let! _ = record stage claimed.Head (Done(Some failed))
    let! told = decided stage
    Assert.Equal<string option list>([ Some trace ], told |> List.map _.Trace)
}

/// The real decision: a text sets the timer of its turn and, with the first one, the timer of the session.
let private decideQuietly at : CustomerWork -> CustomerDecision =
    Reception.decide
        (Reception.always
            {
                Quiet = TimeSpan.FromSeconds 2.
                Idle = TimeSpan.FromMinutes 30.
            }
            Spanish)
        at
        Guid.NewGuid

let private traceOf (id: int) =
    $"00-0af7651916cd43dd8448eb211c80319c-%016x{id}-01"

let carriesTheTraceOfATurnThroughItsTimer stage : Task = task {
    let receive id =
        stage.Store.Deliver [
            {
                bodyOf (now stage) [ textFrom "ES.1" $"wamid.%d{id}" (now stage) "hola" ] with
                    Trace = Some(traceOf id)
            }
        ]

    // The second text moves the timer, and asks for nothing else.
    do! receive 1
    let! _ = stage.Store.Decide 10 (decideQuietly (now stage))
    do! receive 2
    let! _ = stage.Store.Decide 10 (decideQuietly (now stage))

    let! fired = stage.Store.FireTimers 10 ((now stage).AddSeconds 3.)
    Assert.Single fired |> ignore
    let! turn = decided stage
    Assert.Equal<string option list>([ Some(traceOf 2) ], turn |> List.map _.Trace)

    let! fired = stage.Store.FireTimers 10 ((now stage).AddHours 1.)
    Assert.Single fired |> ignore
    let! idle = decided stage
    Assert.Equal<string option list>([ None ], idle |> List.map _.Trace)
}

let tellsApartWhoWrites stage : Task = task {
    let from id scoped phone =
        let who = {
            BusinessScopedId = scoped
            Phone = phone
            Name = None
        }

        let words: CustomerText = {
            Message = MessageId id
            Text = "hola"
            Quoted = None
        }

        CustomerDid(channel, who, id, now stage, TextReceived words)

    do! receive stage [ from "1" None (Some "34600"); from "2" (Some "ES.1") (Some "34600") ]
    do! receive stage [ from "3" (Some "ES.1") None; from "4" None (Some "34600") ]
    // The number now belongs to another account: that is another person.
    do! receive stage [ from "5" (Some "ES.2") (Some "34600"); from "6" None (Some "34600") ]
    do! receive stage [ from "7" (Some "ES.1") None; from "8" (Some "a/b") None ]
    let seen = ResizeArray<string * string list>()

    let! _ =
        stage.Store.Decide 10 (fun work ->
            let (CustomerId customer) = work.Customer.Id
            seen.Add(customer, work.Entries |> List.map _.SourceId)
            decideWith (now stage) (fun _ -> []) work)

    Assert.Equal<(string * string list) list>(
        [ "34600", [ "1"; "2"; "3"; "4"; "7" ]; "ES.2", [ "5"; "6" ]; "a_b", [ "8" ] ],
        seen |> List.ofSeq |> List.sort
    )
}

let ordersByTimeAndThenByArrival stage : Task = task {
    let later = (now stage).AddSeconds 10.

    do!
        receive stage [
            textFrom "ES.1" "late" later "3"
            textFrom "ES.1" "a" (now stage) "1"
            textFrom "ES.1" "b" (now stage) "2"
        ]

    let! told = decided stage
    Assert.Equal<string list>([ "a"; "b"; "late" ], told |> List.map _.SourceId)

    match! stage.Store.ReadStream(sessionOf "ES.1" 1) with
    | Ok events -> Assert.Equal<int64 list>([ 1L; 2L; 3L ], events |> List.map _.Version)
    | Error problem -> failwith $"%A{problem}"
}

let letsOthersPassWhatCannotBeDecided stage : Task = task {
    do!
        receive stage [
            textFrom "ES.1" "poison" (now stage) "boom"
            textFrom "ES.1" "behind" (now stage) "hola"
            textFrom "ES.2" "beside" (now stage) "hola"
        ]

    let decide (work: CustomerWork) =
        if work.Entries |> List.exists (fun entry -> entry.SourceId = "poison") then
            invalidOp "boom"

        decideWith (now stage) (fun _ -> []) work

    for expected in [ 1; 0; 0; 0; 1; 1 ] do
        let! ended = stage.Store.Decide 10 decide
        Assert.Equal(expected, ended)

    let! account = account stage
    Assert.Equal<Map<string, int64>>(Map [ "applied", 2L; "dead", 1L ], account.Ended)
}

let writesNothingOfADecisionThatIsWrong stage : Task = task {
    do! receive stage [ textFrom "ES.1" "a" (now stage) "hola" ]

    let wrongs: (CustomerDecision -> CustomerDecision) list = [
        fun decision -> { decision with Endings = [] }
        fun decision -> { decision with Sessions = [] }
        fun decision -> {
            decision with
                Events = decision.Events |> List.map (fun event -> { event with Version = 2L })
        }
    ]

    for wrong in wrongs do
        let! ended =
            stage.Store.Decide 10 (decideWith (now stage) (fun _ -> [ say "x" ]) >> wrong)

        Assert.Equal(0, ended)

    let! claimed = claim stage Messaging
    Assert.Empty claimed
    let! told = decided stage
    Assert.Equal(1, told.Length)
}

let saysOneThingAfterTheOther stage : Task = task {
    // A file waits for what is ahead of it, and what is behind waits for the file.
    do! ask stage "ES.1" "w1" [ sayWithFile "1"; say "2" ]
    do! ask stage "ES.1" "w2" [ sayWithFile "3" ]
    do! ask stage "ES.2" "w3" [ say "other" ]
    let! first = expectWords stage [ "1"; "other" ]
    let! _ = expectWords stage []
    // Waiting for its next try, the older one still blocks the younger ones, of this customer only.
    let! _ = record stage first[0] (RunAgain((now stage).AddSeconds 10., "busy", None))
    let! _ = expectWords stage []
    pass 10. stage
    let! again = expectWords stage [ "1" ]
    Assert.Equal(2, again.Head.Attempt)
    Assert.Equal(Some "ES.1", again.Head.Recipient.BusinessScopedId)
    let! _ = record stage again.Head (Done None)
    let! second = expectWords stage [ "2" ]
    let! _ = record stage second.Head (GivenUp("refused", None))
    let! _ = expectWords stage [ "3" ]
    ()
}

let countsAResultOnceAndOnlyOfTheLastTry stage : Task = task {
    do! ask stage "ES.1" "w1" [ lookUp ]
    let! first = claim stage Ticketing
    pass 25. stage

    let! kept =
        stage.Store.KeepLeases [ { first.Head with Attempt = 1 } ] (now stage) lease

    Assert.Single kept |> ignore
    pass 25. stage
    let! none = claim stage Ticketing
    Assert.Empty none
    pass 6. stage
    let! second = claim stage Ticketing
    Assert.Equal(2, second.Head.Attempt)
    // The number of another try keeps nothing and ends nothing.
    let fact = TicketLookUpFailed(second.Head.Command.Key, "x")

    let! kept =
        stage.Store.KeepLeases [ { first.Head with Attempt = 1 } ] (now stage) (lease * 9.)

    Assert.Empty kept
    let! late = record stage first.Head (Done(Some fact))
    Assert.Equal(0, late)
    let again = RunAgain((now stage).AddSeconds 5., "503", Some fact)
    let! recorded = record stage second.Head again
    Assert.Equal(1, recorded)
    pass 5. stage
    let! third = claim stage Ticketing
    Assert.True third.Head.DelayTold
    let! recorded = record stage third.Head (Done(Some fact))
    Assert.Equal(1, recorded)
    let! twice = record stage third.Head (Done(Some fact))
    Assert.Equal(0, twice)
    let! told = decided stage
    let key = CommandKey.text third.Head.Command.Key
    Assert.Equal<string list>([ key + "/delayed"; key ], told |> List.map _.SourceId)
    let! account = account stage
    Assert.Equal<Map<string, int64>>(Map [ "done", 1L ], account.Commands)
}

let parksASendWhoseLeaseRanOut stage : Task = task {
    do! ask stage "ES.1" "w1" [ say "1"; say "2" ]
    let! first = expectWords stage [ "1" ]
    pass 30. stage
    let! _ = expectWords stage []
    let! parked = account stage
    Assert.Equal<Map<string, int64>>(Map [ "ready", 1L; "unknown", 1L ], parked.Commands)
    pass 59. stage
    let! _ = expectWords stage []
    pass 1. stage
    let! again = expectWords stage [ "1" ]
    Assert.Equal(2, again.Head.Attempt)
    let! _ = record stage again.Head (Parked((now stage).AddSeconds 60., "no answer"))
    do! status stage first.Head "wamid.out" Delivered
    do! status stage first.Head "wamid.out" Delivered
    let! second = expectWords stage [ "2" ]
    let! late = record stage again.Head (GivenUp("late", None))
    Assert.Equal(0, late)
    do! status stage second.Head "wamid.second" (Failed(131026, "Message undeliverable"))
    let! told = decided stage
    let fact = DeliveryFailed(second.Head.Command.Key, 131026, "Message undeliverable")
    Assert.Equal<Fact list>([ fact ], told |> List.map _.Fact)
    let! settled = account stage
    Assert.Equal<Map<string, int64>>(Map [ "dead", 1L; "done", 1L ], settled.Commands)
    Assert.Equal(Some 1L, settled.Ended.TryFind "settled")
}

/// Something for an older session comes while a send of the newer one is cut off: neither may wait for the
/// other for ever.
let goesOnBehindACutOffSendOfANewerSession stage : Task = task {
    let decide ordinal (text: string) (work: CustomerWork) =
        let decision = decideWith (now stage) (fun _ -> [ say text ]) work

        let inSession key = {
            key with
                CommandKey.Session.Ordinal = ordinal
        }

        {
            decision with
                Commands =
                    decision.Commands
                    |> List.map (fun command -> {
                        command with
                            Key = inSession command.Key
                    })
        }

    do! receive stage [ textFrom "ES.1" "w1" (now stage) "hola" ]
    let! _ = stage.Store.Decide 10 (decide 2 "newer")
    let! _ = expectWords stage [ "newer" ]
    do! receive stage [ textFrom "ES.1" "w2" (now stage) "hola" ]
    let! _ = stage.Store.Decide 10 (decide 1 "older")
    let! _ = expectWords stage []
    pass 30. stage
    // The cut-off one is parked at the first look, and the older session's turn comes at the next.
    let! _ = expectWords stage []
    let! older = expectWords stage [ "older" ]
    let! _ = record stage older.Head (Done None)
    pass 60. stage
    let! _ = expectWords stage [ "newer" ]
    ()
}

let leavesOutReadingMarksThatAreTooLate stage : Task = task {
    let mark = MarkRead(MessageId "wamid.1")
    do! ask stage "ES.1" "w1" [ mark; mark ]
    let! both = claim stage Messaging
    Assert.Equal(2, both.Length)
    do! ask stage "ES.1" "w2" [ mark; say "1" ]
    pass 121. stage
    let! _ = expectWords stage [ "1" ]
    let! account = account stage
    Assert.Equal(Some 3L, account.Commands.TryFind "done")
}

let firesTimersWhenTheyAreDueAndOnce stage : Task = task {
    let due = (now stage).AddSeconds(60.).AddTicks 1L
    do! ask stage "ES.1" "w1" [ SetTimer(IdleTimer, (now stage).AddSeconds 5.); SetTimer(IdleTimer, due) ]
    do! ask stage "ES.2" "w2" [ SetTimer(QuietTimer, due) ]
    do! ask stage "ES.2" "w3" [ CancelTimer QuietTimer ]
    stage.Clock.Value <- due.AddTicks -1L
    let! early = stage.Store.FireTimers 10 (now stage)
    Assert.Empty early
    // PostgreSQL keeps whole microseconds and rounds up.
    stage.Clock.Value <- due.AddTicks 9L
    let! fired = stage.Store.FireTimers 10 (now stage)
    Assert.Single fired |> ignore
    let! again = stage.Store.FireTimers 10 (now stage)
    Assert.Empty again
    let! told = decided stage
    Assert.Equal<Fact list>([ TimerElapsed(IdleTimer, due) ], told |> List.map _.Fact)
    let! account = account stage
    Assert.Equal(0L, account.Timers)
}
