/// Limits around WhatsApp, with nodes that share a store.
module FunctionalBot.Tests.PaceTests

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.Protected

let private perSecond rate : PaceLimit = {
    Interval = TimeSpan.FromSeconds(1. / rate)
    Burst = 1
}

let private limits: PaceLimits = {
    Number = Some(perSecond 80.)
    Pair =
        Some {
            Interval = TimeSpan.FromSeconds 6.
            Burst = 45
        }
    Patience = TimeSpan.FromSeconds 2.
}

/// Sends until it is sent, coming back when told to.
let private sendPatiently (world: World) (port: WhatsAppPort) key : Task = task {
    let mutable isSent = false

    while not isSent do
        match! sendOne port key with
        | HeldBack(after, _) -> do! world.Delay after never
        | outcome ->
            Assert.True(outcome.IsAccepted, $"%A{outcome}")
            isSent <- true
}

/// A WhatsApp that notes when each message came.
let private noting (world: World) =
    let times = List<string * DateTimeOffset>()

    let port = {
        whatsAppThat world (fun _ -> Refused(0, "unused")) (fun () -> Accepted(MessageId "wamid.1")) with
            Send =
                fun outgoing _ ->
                    let (CustomerId customer) = outgoing.Key.Session.Customer
                    times.Add(customer, world.Now())
                    Task.FromResult(Accepted(MessageId "wamid.1"))
    }

    port, times

[<Fact>]
let ``two nodes keep a number to 80 messages in any second, with few statements`` () =
    inSimulatedTime 1 (fun world -> task {
        let statements = ref 0
        let store = (storeIn world).Port

        let store = {
            store with
                Reserve =
                    fun limits requests ->
                        statements.Value <- statements.Value + 1
                        store.Reserve limits requests
        }

        let whatsApp, times = noting world

        let nodes = [| for _ in 1..2 -> Pace.create limits world store silent whatsApp |]

        // At first all at once, then as they come, in ten seconds.
        do!
            Task.WhenAll [|
                for number in 0..799 ->
                    task {
                        if number >= 200 then
                            do! world.Delay (TimeSpan.FromSeconds(world.Random() * 10.)) never

                        do! sendPatiently world nodes[number % 2] (keyOf $"customer %d{number}" 1L)
                    }
                    :> Task
            |]

        let sent = times |> Seq.map snd |> Seq.sort |> Array.ofSeq
        Assert.Equal(800, sent.Length)

        for index in 0 .. sent.Length - 81 do
            let span = sent[index + 80] - sent[index]
            Assert.True(span >= TimeSpan.FromSeconds 0.999, $"81 messages within %A{span}")

        // No faster than allowed, and not slower than need be.
        Assert.True(sent[799] - sent[0] < TimeSpan.FromSeconds 15., $"%A{sent[799] - sent[0]}")
        Assert.True(statements.Value <= 2 * 20 * 16, $"%d{statements.Value} statements for 800 messages")
    })

[<Fact>]
let ``one customer gets a burst of 45 and then one message in 6 seconds, and others do not wait for it`` () =
    inSimulatedTime 2 (fun world -> task {
        let whatsApp, times = noting world

        let port =
            Pace.create
                {
                    limits with
                        Number = Some(perSecond 1000.)
                }
                world
                (storeIn world).Port
                silent
                whatsApp

        for version in 1L .. 45L do
            do! sendPatiently world port (keyOf "Ana" version)

        let! held = sendOne port (keyOf "Ana" 46L)

        match held with
        | HeldBack(after, _) ->
            // The burst itself took a moment, since each of its messages came after the one before.
            Assert.InRange(after, TimeSpan.FromSeconds 2., TimeSpan.FromSeconds 6.5)
        | outcome -> failwith $"%A{outcome}"

        let! other = sendOne port (keyOf "Tomás" 1L)
        Assert.True(other.IsAccepted, $"%A{other}")

        for version in 46L .. 55L do
            do! sendPatiently world port (keyOf "Ana" version)

        let hers = [|
            for customer, at in times do
                if customer = "Ana" then
                    at
        |]

        Assert.Equal(55, hers.Length)

        for index in 45..54 do
            let allowed = TimeSpan.FromSeconds(6. * float (index - 44))

            Assert.True(
                hers[index] - hers[0] >= allowed,
                $"message %d{index} after %A{hers[index] - hers[0]}"
            )
    })

[<Fact>]
let ``a slot that is near is waited for in place`` () =
    inSimulatedTime 3 (fun world -> task {
        let whatsApp, times = noting world

        let slow = {
            limits with
                Pair =
                    Some {
                        Interval = TimeSpan.FromSeconds 1.5
                        Burst = 1
                    }
        }

        let port = Pace.create slow world (storeIn world).Port silent whatsApp
        let! first = sendOne port (keyOf "Ana" 1L)
        let! second = sendOne port (keyOf "Ana" 2L)
        Assert.True(first.IsAccepted && second.IsAccepted)
        Assert.True(snd times[1] - snd times[0] >= TimeSpan.FromSeconds 1.49)
    })

[<Fact>]
let ``read marks are no messages`` () =
    inSimulatedTime 4 (fun world -> task {
        let whatsApp, _ = noting world

        let none = {
            limits with
                Number =
                    Some {
                        Interval = TimeSpan.FromHours 1.
                        Burst = 1
                    }
        }

        let port = Pace.create none world (storeIn world).Port silent whatsApp

        for _ in 1..10 do
            let! outcome = port.MarkRead "whatsapp-1" (MessageId "wamid.1") never
            Assert.True(outcome.IsAccepted)
    })

[<Fact>]
let ``while the store is away a node goes on at a tenth of the rate, and tells of it once`` () =
    inSimulatedTime 5 (fun world -> task {
        let isAway = ref true
        let store = (storeIn world).Port
        let told = List<string>()

        let store = {
            store with
                Reserve =
                    fun limits requests ->
                        if isAway.Value then
                            Task.FromException<Slot list>(StoreUnavailable("away", TimeoutException()))
                        else
                            store.Reserve limits requests
        }

        let log = {
            silent with
                Trouble = fun _ _ -> told.Add "trouble"
                Recovered = fun _ -> told.Add "recovered"
        }

        let whatsApp, times = noting world
        let port = Pace.create limits world store log whatsApp

        do!
            Task.WhenAll [|
                for number in 1..40 -> sendPatiently world port (keyOf $"customer %d{number}" 1L)
            |]

        let sent = times |> Seq.map snd |> Seq.sort |> Array.ofSeq
        Assert.Equal(40, sent.Length)

        for index in 0..38 do
            Assert.True(sent[index + 1] - sent[index] >= TimeSpan.FromSeconds 0.124)

        isAway.Value <- false
        do! sendPatiently world port (keyOf "Ana" 1L)
        do! sendPatiently world port (keyOf "Ana" 2L)
        Assert.Equal<string list>([ "trouble"; "recovered" ], List.ofSeq told)
    })

[<Fact>]
let ``a message that waits when the bot stops is not sent and keeps its place`` () =
    inSimulatedTime 6 (fun world -> task {
        let whatsApp, times = noting world

        let slow = {
            limits with
                Number = Some(perSecond 0.6)
        }

        let port = Pace.create slow world (storeIn world).Port silent whatsApp
        let! _ = sendOne port (keyOf "Ana" 1L)
        use stop = new CancellationTokenSource()

        let waiting =
            port.Send (Outgoing.ofCommand (keyOf "Tomás" 1L) recipient None (TextMessage "hola")) stop.Token

        do! world.Delay (TimeSpan.FromSeconds 0.2) never
        stop.Cancel()
        let! outcome = waiting
        Assert.True(outcome.IsHeldBack, $"%A{outcome}")
        Assert.Single times |> ignore
    })

[<Fact>]
let ``a fault in taking slots reaches the caller, and the next message is served`` () =
    inSimulatedTime 7 (fun world -> task {
        let isBroken = ref true
        let store = (storeIn world).Port

        let store = {
            store with
                Reserve =
                    fun limits requests ->
                        if isBroken.Value then
                            Task.FromException<Slot list>(InvalidOperationException "a fault")
                        else
                            store.Reserve limits requests
        }

        let whatsApp, times = noting world
        let port = Pace.create limits world store silent whatsApp

        let! _ =
            Assert.ThrowsAsync<InvalidOperationException>(fun () -> sendOne port (keyOf "Ana" 1L) :> Task)

        isBroken.Value <- false
        do! sendPatiently world port (keyOf "Ana" 2L)
        Assert.Single times |> ignore
    })
