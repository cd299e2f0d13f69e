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
    Lease = TimeSpan.FromSeconds 30.
    Poll = TimeSpan.FromSeconds 5.
    TimerPoll = TimeSpan.FromSeconds 5.
}

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

    virtualWorld.Run(fun () -> task {
        use stop = new CancellationTokenSource()

        let decide work =
            decideWith (world.Now()) (fun _ -> [ say "hola" ]) work

        let engine = Engine.create oneHand world store.Port decide run silent ignore
        let running = engine.Run stop.Token

        let! waiting =
            store.Port.Receive [
                bodyOf (world.Now()) [
                    textFrom "ES.1" "w1" (world.Now()) "hola"
                    textFrom "ES.2" "w2" (world.Now()) "hola"
                ]
            ]

        engine.Wake waiting
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
        stop.Cancel()
        do! running
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
