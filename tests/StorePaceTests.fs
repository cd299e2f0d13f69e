/// What nodes share through the store, in memory and in PostgreSQL: slots, the states of services, and
/// commands that were put off.
module FunctionalBot.Tests.StorePaceTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.StoreScenes

let private inMemory (scene: Stage -> Task) : Task =
    let clock = ref start

    let store =
        MemoryStore.create (worldOf (fun () -> clock.Value)) (TimeSpan.FromSeconds 60.) (fun _ -> Works)

    scene { Store = store.Port; Clock = clock }

let private inPostgres (scene: Stage -> Task) : Task = task {
    use! bench = startBench ()

    do!
        scene {
            Store = bench.Store
            Clock = bench.Clock
        }
}

let private pass (seconds: float) (stage: Stage) =
    stage.Clock.Value <- stage.Clock.Value.AddSeconds seconds

/// So slow that the time a test takes makes no difference.
let private perHour burst =
    Some {
        Interval = TimeSpan.FromHours 1.
        Burst = burst
    }

let private request number customer = {
    Channel = number
    Customer = Some customer
}

let private isTaken slot =
    match slot with
    | Slot.Taken wait ->
        Assert.Equal(TimeSpan.Zero, wait)
        true
    | Slot.PairTaken _
    | Slot.TooFar _ -> false

let private sharesSlots (stage: Stage) : Task = task {
    let limits = {
        Number = perHour 6
        Pair = perHour 2
        Patience = TimeSpan.Zero
    }

    let reserve requests = task {
        let! slots = stage.Store.Reserve limits requests
        return List.map isTaken slots
    }

    let! first =
        reserve [ for customer in [ "Ana"; "Ana"; "Ana"; "Tomás" ] -> request "1" customer ]

    Assert.Equal<bool list>([ true; true; false; true ], first)
    // Another number has slots of its own.
    let! other = reserve [ request "2" "Ana" ]
    Assert.Equal<bool list>([ true ], other)
    // Three of six are left, whoever asks.
    let! calls =
        Task.WhenAll [|
            for name in [ "Eva"; "Luis"; "Sara"; "Iván"; "Rosa" ] -> reserve [ request "1" name ]
        |]

    Assert.Equal(3, calls |> Seq.collect id |> Seq.filter id |> Seq.length)
    let! again = reserve [ request "1" "Ana"; { Channel = "1"; Customer = None } ]
    Assert.Equal<bool list>([ false; false ], again)

    let lifted = {
        Number = None
        Pair = None
        Patience = TimeSpan.Zero
    }

    let! free = stage.Store.Reserve lifted [ request "1" "Ana" ]
    Assert.Equal<Slot list>([ Slot.Taken TimeSpan.Zero ], free)
}

let private sharesStates (stage: Stage) : Task = task {
    let paused = {
        Service = "odoo"
        Node = Some "one"
        Condition = ServiceCondition.Paused
        Since = stage.Clock.Value
        Reason = Some "502"
        NextProbe = Some(stage.Clock.Value.AddSeconds 5.)
    }

    let working = {
        paused with
            Node = Some "two"
            Condition = ServiceCondition.Working
            Reason = None
            NextProbe = None
    }

    do! stage.Store.ReportService working
    do! stage.Store.ReportService { paused with Reason = Some "503" }
    do! stage.Store.ReportService paused
    let! states = stage.Store.ServiceStates()
    Assert.Equal<ServiceState list>([ paused; working ], states |> List.sortBy _.Node)
}

let private givesAProbeToOne (stage: Stage) : Task = task {
    let now () = stage.Clock.Value

    let probe () =
        stage.Store.TakeProbe ServiceState.whatsApp (now ()) (now().AddSeconds 60.)

    let! none = probe ()
    Assert.False none

    do!
        stage.Store.ReportService {
            Service = ServiceState.whatsApp
            Node = None
            Condition = ServiceCondition.Stopped
            Since = now ()
            Reason = Some "token"
            NextProbe = Some(now().AddSeconds 30.)
        }

    let! early = probe ()
    Assert.False early
    pass 30. stage
    let! takers = Task.WhenAll [| for _ in 1..5 -> probe () |]
    Assert.Single(Array.filter id takers) |> ignore
    let! states = stage.Store.ServiceStates()
    Assert.Equal(Some(now().AddSeconds 60.), states.Head.NextProbe)
    do! stage.Store.ResumeMessages ServiceState.whatsApp (now ())
    let! states = stage.Store.ServiceStates()

    Assert.Equal(
        (ServiceCondition.Working, now (), None),
        (states.Head.Condition, states.Head.Since, states.Head.Reason)
    )

    pass 3600. stage
    let! after = probe ()
    Assert.False after
}

let private claim (stage: Stage) service =
    stage.Store.Claim service 100 stage.Clock.Value (TimeSpan.FromSeconds 30.)

let private ask (stage: Stage) customer id actions = task {
    do! stage.Store.Deliver [ bodyOf stage.Clock.Value [ textFrom customer id stage.Clock.Value "hola" ] ]
    let! _ = stage.Store.Decide 10 (decideWith stage.Clock.Value (fun _ -> actions))
    return ()
}

let private textOf (command: ClaimedCommand) =
    match command.Command.Action with
    | Say { Phrase = Answer(text, _) } -> text
    | other -> failwith $"%A{other}"

let private putsOffWithoutCounting (stage: Stage) : Task = task {
    do! ask stage "ES.1" "w1" [ say "1"; say "2" ]
    do! ask stage "ES.2" "w2" [ say "other" ]
    let! first = claim stage Messaging
    Assert.Equal<string list>([ "1"; "other" ], List.map textOf first)
    let later = stage.Clock.Value.AddSeconds 100.

    let! _ =
        stage.Store.Record
            [
                first[0], PutOff(later, "the channel is stopped")
                first[1], RunAgain(later, "busy", None)
            ]
            stage.Clock.Value

    // The second message of the customer waits behind the first.
    let! none = claim stage Messaging
    Assert.Empty none
    pass 100. stage
    let! second = claim stage Messaging

    Assert.Equal<(string * int * int) list>(
        [ "1", 2, 1; "other", 2, 0 ],
        second
        |> List.map (fun command -> textOf command, command.Attempt, command.PutOffs)
    )

    // A result of a try that is over changes nothing, put off or not.
    let! late = stage.Store.Record [ first[0], PutOff(later, "late") ] stage.Clock.Value
    Assert.Equal(0, late)

    let! _ =
        stage.Store.Record
            [
                for command in second -> command, PutOff(stage.Clock.Value.AddHours 1., "stopped")
            ]
            stage.Clock.Value

    // When the stop ends, what was put off goes out at once.
    do! stage.Store.ResumeMessages ServiceState.whatsApp stage.Clock.Value
    let! third = claim stage Messaging
    Assert.Equal<int list>([ 2; 1 ], third |> List.map _.PutOffs)
    let! account = stage.Store.Accounting()
    Assert.Equal<Map<string, int64>>(Map [ "ready", 1L; "running", 2L ], account.Commands)
}

[<Fact>]
let ``memory: nodes share the slots of numbers and customers`` () = inMemory sharesSlots

[<Fact>]
let ``memory: the last report of each node is kept`` () = inMemory sharesStates

[<Fact>]
let ``memory: the probe of a stopped service is given to one`` () = inMemory givesAProbeToOne

[<Fact>]
let ``memory: what is put off keeps its place and counts no try`` () = inMemory putsOffWithoutCounting

[<Fact>]
let ``PostgreSQL: nodes share the slots of numbers and customers`` () : Task = inPostgres sharesSlots

[<Fact>]
let ``PostgreSQL: the last report of each node is kept`` () : Task = inPostgres sharesStates

[<Fact>]
let ``PostgreSQL: the probe of a stopped service is given to one`` () : Task = inPostgres givesAProbeToOne

[<Fact>]
let ``PostgreSQL: what is put off keeps its place and counts no try`` () : Task =
    inPostgres putsOffWithoutCounting

[<Fact>]
let ``PostgreSQL: slots are kept by the database's clock, in whatever order nodes ask`` () : Task = task {
    use! bench = startBench ()

    let limits = {
        Number =
            Some {
                Interval = TimeSpan.FromSeconds 60.
                Burst = 1
            }
        Pair = perHour 45
        Patience = TimeSpan.FromHours 2.
    }

    let names = [| for number in 1..10 -> $"customer %d{number}" |]

    // Customers in another order each time: nobody may wait for each other in a ring.
    let! calls =
        Task.WhenAll [|
            for number in 0..9 ->
                bench.Store.Reserve limits [
                    for step in 0..9 -> request "1" names[(number * 3 + step * 7) % 10]
                ]
        |]

    let waits =
        calls
        |> Seq.collect id
        |> Seq.map (function
            | Slot.Taken wait -> wait.TotalSeconds
            | slot -> failwith $"%A{slot}")
        |> Seq.sort
        |> Array.ofSeq

    // A hundred slots, a minute apart; the calls began within a moment of each other.
    Assert.Equal(100, waits.Length)

    for index, wait in Array.indexed waits do
        Assert.InRange(wait, float index * 60. - 30., float index * 60. + 0.1)
}
