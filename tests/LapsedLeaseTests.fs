/// A node that was paused, or cut off, holds commands whose leases have run out: what it has not begun is no longer
/// its to run.
module FunctionalBot.Tests.LapsedLeaseTests

open System
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Tests.StoreFixture

let private oneHand: Engine.EngineSettings = {
    Batch = 20
    Messages = 1
    Questions = 1
    TicketCalls = 1
    Files = 1
    Lease = TimeSpan.FromSeconds 30.
    Poll = TimeSpan.FromSeconds 5.
    TimerPoll = TimeSpan.FromSeconds 5.
}

/// Runs the engine in the virtual world until `meanwhile` is over. Each of the customers has written once, and every
/// text brings these actions.
let private playing
    (virtualWorld: VirtualWorld)
    settings
    store
    actions
    run
    customers
    (meanwhile: unit -> Task)
    =
    let world = virtualWorld.World

    virtualWorld.Run(fun () -> task {
        use stop = new CancellationTokenSource()

        let decide work =
            decideWith (world.Now()) (fun _ -> actions) work

        let engine = Engine.create settings world store decide run silent ignore
        let running = engine.Run stop.Token

        let! waiting =
            store.Receive [
                bodyOf (world.Now()) [
                    for number in 1..customers ->
                        textFrom $"ES.%d{number}" $"w%d{number}" (world.Now()) "hola"
                ]
            ]

        engine.Wake waiting
        do! meanwhile ()
        stop.Cancel()
        do! running
    })

/// Two customers are to be told something by a node with one hand; the first send takes `first`. `keeps` says whether
/// the node can keep its leases. What was sent is returned, with the number of the try.
let private played (first: TimeSpan) (keeps: bool) =
    let virtualWorld = VirtualWorld.create 11 start
    let world = virtualWorld.World
    let sent = ResizeArray<string * int>()

    let store =
        MemoryStore.create world (TimeSpan.FromSeconds 60.) (fun call ->
            if call = KeepingLeases && not keeps then
                FailsBefore
            else
                Works)

    let run (claimed: ClaimedCommand) (cancel: CancellationToken) : Task<CommandResult> = task {
        let (CustomerId customer) = claimed.Command.Key.Session.Customer
        sent.Add(customer, claimed.Attempt)

        let takes =
            if sent.Count = 1 then
                first
            else
                TimeSpan.FromMilliseconds 10.

        do! world.Delay takes cancel
        return Done None
    }

    playing virtualWorld oneHand store.Port [ say "hola" ] run 2 (fun () -> task {
        // Somebody else takes over what nobody keeps, and ends it.
        do! world.Delay (TimeSpan.FromSeconds 45.) CancellationToken.None

        if not keeps then
            let! none = store.Port.Claim Messaging 10 (world.Now()) (TimeSpan.FromSeconds 600.)
            Assert.Empty none
            do! world.Delay (TimeSpan.FromSeconds 61.) CancellationToken.None
            let! taken = store.Port.Claim Messaging 10 (world.Now()) (TimeSpan.FromSeconds 600.)

            let! _ =
                store.Port.Record [ for command in taken -> command, Done None ] (world.Now())

            ()

        do! world.Delay (TimeSpan.FromMinutes 20.) CancellationToken.None
    })

    List.ofSeq sent

[<Fact>]
let ``what waits for a hand is not begun once its lease has run out`` () =
    // While the first send hangs for ten minutes, somebody else has taken over both.
    let sent = played (TimeSpan.FromMinutes 10.) false
    Assert.Single sent |> ignore

[<Fact>]
let ``a lease that is kept lasts as long as the hands are busy`` () =
    let sent = played (TimeSpan.FromMinutes 10.) true
    Assert.Equal<(string * int) list>([ "ES.1", 1; "ES.2", 1 ], List.sort sent)

[<Fact>]
let ``an old try that is dropped leaves the hold of the newer one`` () =
    let virtualWorld = VirtualWorld.create 12 start
    let world = virtualWorld.World
    let tries = ResizeArray<string * int>()
    let reachable = ref false

    let store =
        MemoryStore.create world (TimeSpan.FromSeconds 60.) (fun call ->
            if call = KeepingLeases && not reachable.Value then
                FailsBefore
            else
                Works)

    let question =
        AskAssistant {
            Turn = 1L
            Language = Spanish
            Message = None
            Hint = None
            Assistant = Primary
        }

    let run (claimed: ClaimedCommand) (cancel: CancellationToken) : Task<CommandResult> = task {
        let (CustomerId customer) = claimed.Command.Key.Session.Customer
        tries.Add(customer, claimed.Attempt)
        // The first keeps the only hand busy until its lease and the other's have run out.
        let takes = if tries.Count = 1 then 40. else 1.
        do! world.Delay (TimeSpan.FromSeconds takes) cancel
        return Done None
    }

    playing virtualWorld oneHand store.Port [ question ] run 2 (fun () -> task {
        do! world.Delay (TimeSpan.FromSeconds 39.) CancellationToken.None
        reachable.Value <- true
        do! world.Delay (TimeSpan.FromMinutes 5.) CancellationToken.None
    })

    let waited = tries |> Seq.filter (fun (customer, _) -> customer <> fst tries[0])
    Assert.Equal<int list>([ 2 ], waited |> Seq.map snd |> Seq.toList)

[<Fact>]
let ``results outlive a store that goes away while they are recorded one by one`` () =
    let virtualWorld = VirtualWorld.create 13 start
    let world = virtualWorld.World
    let memory = MemoryStore.create world (TimeSpan.FromSeconds 60.) (fun _ -> Works)
    let singles = ref 0

    let unavailable () =
        StoreUnavailable("away", InvalidOperationException())

    // A round with several results cannot be written, and the second single record meets a store that is away.
    let store = {
        memory.Port with
            Advance =
                fun request decide ->
                    if request.Results.Length > 1 then
                        Task.FromException<Advanced>(InvalidOperationException "not writable")
                    else
                        memory.Port.Advance request decide
            Record =
                fun results now ->
                    if results.Length > 1 then
                        Task.FromException<int>(InvalidOperationException "not writable")
                    else
                        singles.Value <- singles.Value + 1

                        if singles.Value = 2 then
                            Task.FromException<int>(unavailable ())
                        else
                            memory.Port.Record results now
    }

    let runs = ref 0

    let run (_: ClaimedCommand) (_: CancellationToken) : Task<CommandResult> = task {
        runs.Value <- runs.Value + 1
        // All end at one moment, so that they are recorded together.
        do! world.Delay (TimeSpan.FromSeconds 1.) CancellationToken.None
        return Done None
    }

    playing virtualWorld { oneHand with Messages = 8 } store [ say "hola" ] run 5 (fun () ->
        world.Delay (TimeSpan.FromMinutes 10.) CancellationToken.None)

    let done' = ref None

    virtualWorld.Run(fun () -> task {
        let! accounting = store.Accounting()
        done'.Value <- accounting.Commands.TryFind "done"
    })

    Assert.Equal(Some 5L, done'.Value)
    Assert.Equal(5, runs.Value)
    Assert.True(singles.Value >= 2)
