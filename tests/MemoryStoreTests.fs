/// The same scenes at the store in memory and at the one in PostgreSQL, and the faults of the one in memory.
module FunctionalBot.Tests.MemoryStoreTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.StoreScenes

let private works (_: StoreCall) = Works

let inMemory (scene: Stage -> Task) : Task =
    let clock = ref start

    let store =
        MemoryStore.create (worldOf (fun () -> clock.Value)) (TimeSpan.FromSeconds 60.) works

    scene { Store = store.Port; Clock = clock }

let inPostgres (scene: Stage -> Task) : Task = task {
    use! bench = startBench ()

    do!
        scene {
            Store = bench.Store
            Clock = bench.Clock
        }
}

[<Fact>]
let ``memory: each thing is taken in once, and all arrivals are accounted for`` () =
    inMemory takesEachThingOnce

[<Fact>]
let ``memory: a trace goes from what came in to the command and on to its outcome`` () : Task =
    inMemory carriesTraces

[<Fact>]
let ``memory: a turn that waits goes on in the trace of its last message, an idle session does not``
    ()
    : Task =
    inMemory carriesTheTraceOfATurnThroughItsTimer

[<Fact>]
let ``memory: a customer is found by the business-scoped id, else by the phone`` () =
    inMemory tellsApartWhoWrites

[<Fact>]
let ``memory: entries of one customer come by time and then by arrival`` () =
    inMemory ordersByTimeAndThenByArrival

[<Fact>]
let ``memory: an entry that cannot be decided dies after five tries while the others go on`` () =
    inMemory letsOthersPassWhatCannotBeDecided

[<Fact>]
let ``memory: a decision that forgets something is not written`` () =
    inMemory writesNothingOfADecisionThatIsWrong

[<Fact>]
let ``memory: what one customer is told goes out in order and one at a time`` () =
    inMemory saysOneThingAfterTheOther

[<Fact>]
let ``memory: a result counts once, and only for the last try`` () =
    inMemory countsAResultOnceAndOnlyOfTheLastTry

[<Fact>]
let ``memory: a send whose lease ran out is parked until a status or its time comes`` () =
    inMemory parksASendWhoseLeaseRanOut

[<Fact>]
let ``memory: a send that was cut off and an older session's do not wait for each other for ever`` () =
    inMemory goesOnBehindACutOffSendOfANewerSession

[<Fact>]
let ``memory: reading marks that are too late are left out`` () =
    inMemory leavesOutReadingMarksThatAreTooLate

[<Fact>]
let ``memory: timers fire when they are due, never before, and once`` () =
    inMemory firesTimersWhenTheyAreDueAndOnce

[<Fact>]
let ``PostgreSQL: each thing is taken in once, and all arrivals are accounted for`` () =
    inPostgres takesEachThingOnce

[<Fact>]
let ``PostgreSQL: a trace goes from what came in to the command and on to its outcome`` () : Task =
    inPostgres carriesTraces

[<Fact>]
let ``PostgreSQL: a turn that waits goes on in the trace of its last message, an idle session does not``
    ()
    : Task =
    inPostgres carriesTheTraceOfATurnThroughItsTimer

[<Fact>]
let ``PostgreSQL: a customer is found by the business-scoped id, else by the phone`` () =
    inPostgres tellsApartWhoWrites

[<Fact>]
let ``PostgreSQL: entries of one customer come by time and then by arrival`` () =
    inPostgres ordersByTimeAndThenByArrival

[<Fact>]
let ``PostgreSQL: an entry that cannot be decided dies after five tries while the others go on`` () =
    inPostgres letsOthersPassWhatCannotBeDecided

[<Fact>]
let ``PostgreSQL: a decision that forgets something is not written`` () =
    inPostgres writesNothingOfADecisionThatIsWrong

[<Fact>]
let ``PostgreSQL: what one customer is told goes out in order and one at a time`` () =
    inPostgres saysOneThingAfterTheOther

[<Fact>]
let ``PostgreSQL: a result counts once, and only for the last try`` () =
    inPostgres countsAResultOnceAndOnlyOfTheLastTry

[<Fact>]
let ``PostgreSQL: a send whose lease ran out is parked until a status or its time comes`` () =
    inPostgres parksASendWhoseLeaseRanOut

[<Fact>]
let ``PostgreSQL: a send that was cut off and an older session's do not wait for each other for ever`` () =
    inPostgres goesOnBehindACutOffSendOfANewerSession

[<Fact>]
let ``PostgreSQL: reading marks that are too late are left out`` () =
    inPostgres leavesOutReadingMarksThatAreTooLate

[<Fact>]
let ``PostgreSQL: timers fire when they are due, never before, and once`` () =
    inPostgres firesTimersWhenTheyAreDueAndOnce

[<Fact>]
let ``a call that is set to fail says unavailable, before its effect or after it`` () : Task = task {
    let fault = ref Works
    let clock = ref start

    let store =
        MemoryStore.create (worldOf (fun () -> clock.Value)) (TimeSpan.FromSeconds 60.) (fun _ -> fault.Value)

    let receive id =
        store.Port.Deliver [ bodyOf start [ textFrom "ES.1" id start "hola" ] ]

    fault.Value <- FailsBefore
    let! _ = Assert.ThrowsAsync<StoreUnavailable>(fun () -> receive "w1")
    Assert.Empty(store.Look().Inbox)
    fault.Value <- FailsAfter
    let! _ = Assert.ThrowsAsync<StoreUnavailable>(fun () -> receive "w1")
    Assert.Equal(1, store.Look().Inbox.Count)

    let! _ =
        Assert.ThrowsAsync<StoreUnavailable>(fun () -> store.Port.Decide 10 (decideAt start) :> Task)

    fault.Value <- Works
    let! again = store.Port.Decide 10 (decideAt start)
    Assert.Equal(0, again)
    let contents = store.Look()
    let session = Assert.Single contents.Sessions
    let events = contents.Streams[session.Id]
    Assert.Equal(session, List.fold Transition.evolve (Session.initial session.Id) events)
    Assert.Equal(Some(Some(Applied session.Version)), contents.Inbox.TryFind("whatsapp", "w1"))
}
