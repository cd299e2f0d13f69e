/// A channel that refuses everything until somebody acts, with two nodes that share a store.
module FunctionalBot.Tests.ChannelStopTests

open System
open System.Collections.Generic
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.Protected

let private deadToken = ChannelStopped(190, "the access token has expired")

[<Fact>]
let ``a thousand waiting messages make few failing calls, and all go out once when the token is replaced``
    ()
    =
    inSimulatedTime 1 (fun world -> task {
        let store = (storeIn world).Port
        let replacedAt = start.AddMinutes 22.
        let failures = List<DateTimeOffset>()
        let arrived = List<CommandKey>()
        let changes = [| List<ServiceState>(); List<ServiceState>() |]

        let whatsApp =
            whatsAppThat
                world
                (fun key ->
                    if world.Now() < replacedAt then
                        failures.Add(world.Now())
                        deadToken
                    else
                        arrived.Add key
                        Accepted(MessageId "wamid.1"))
                (fun () -> deadToken)

        let waiting = PriorityQueue<CommandKey, DateTimeOffset>()

        for number in 1..1000 do
            waiting.Enqueue(keyOf $"customer %d{number}" 1L, start)

        /// One of a node's hands: takes what is due and brings back what was held back.
        let hand (port: WhatsAppPort) : Task = task {
            while arrived.Count < 1000 do
                let mutable key = keyOf "" 0L
                let mutable due = start

                if waiting.TryPeek(&key, &due) && due <= world.Now() then
                    waiting.Dequeue() |> ignore

                    match! sendOne port key with
                    | HeldBack(after, _) -> waiting.Enqueue(key, world.Now() + after)
                    | Accepted _ -> ()
                    | outcome -> failwith $"%A{outcome}"
                else
                    do! world.Delay (TimeSpan.FromMilliseconds 500.) never
        }

        let nodes =
            changes
            |> Array.map (fun changes ->
                ChannelStop.create
                    ChannelStop.defaultSettings
                    StopPlan.alone
                    world
                    store
                    changes.Add
                    whatsApp)

        do! Task.WhenAll [| for number in 0..63 -> hand nodes[number % 2] |]

        Assert.Equal(1000, (Set.ofSeq arrived).Count)
        Assert.Equal(1000, arrived.Count)

        // The first calls of both nodes' 32 hands each, and from then on the probes: at 30 s, 1, 2, 4, 8 and so
        // on, at most 5 minutes apart.
        let probes =
            failures
            |> Seq.filter (fun at -> at > start.AddSeconds 5.)
            |> Seq.sort
            |> List.ofSeq

        Assert.True(failures.Count <= 64 + probes.Length, $"%d{failures.Count} failing calls")
        Assert.InRange(probes.Length, 5, 12)

        for earlier, later in List.pairwise probes do
            Assert.InRange(later - earlier, TimeSpan.FromSeconds 29., TimeSpan.FromSeconds 310.)

        let ends = replacedAt.AddMinutes 5.5
        Assert.True(world.Now() < ends.AddMinutes 6., $"it went on at %A{world.Now()} only")

        for changes in changes do
            Assert.Equal<ServiceCondition list>(
                [ ServiceCondition.Stopped; ServiceCondition.Working ],
                changes |> Seq.map _.Condition |> List.ofSeq
            )

        let! states = store.ServiceStates()
        Assert.Equal(ServiceCondition.Working, (Assert.Single states).Condition)
    })

[<Fact>]
let ``a stop that the store has not taken yet is not taken for over`` () =
    inSimulatedTime 5 (fun world -> task {
        let store = (storeIn world).Port
        let changes = List<ServiceState>()
        let sends = ref 0

        let slow = {
            store with
                ReportService =
                    fun state -> task {
                        do! world.Delay (TimeSpan.FromSeconds 10.) never
                        do! store.ReportService state
                    }
        }

        let whatsApp =
            whatsAppThat
                world
                (fun _ ->
                    sends.Value <- sends.Value + 1
                    deadToken)
                (fun () -> deadToken)

        let port =
            ChannelStop.create ChannelStop.defaultSettings StopPlan.alone world slow changes.Add whatsApp

        let first = sendOne port (keyOf "Ana" 1L)

        // Each looks at the store anew: some while it is being told, some behind that.
        for number in 1..8 do
            do! world.Delay (TimeSpan.FromSeconds 2.) never

            match! sendOne port (keyOf "Ana" (int64 number + 1L)) with
            | HeldBack _ -> ()
            | outcome -> failwith $"%A{outcome}"

        let! _ = first
        Assert.Equal(1, sends.Value)
        Assert.Equal(ServiceCondition.Stopped, (Assert.Single changes).Condition)
    })

[<Fact>]
let ``a read mark that finds the token dead stops the channel on all nodes, and marks never probe`` () =
    inSimulatedTime 2 (fun world -> task {
        let store = (storeIn world).Port
        let marks = ref 0
        let sends = ref 0

        let whatsApp =
            whatsAppThat
                world
                (fun _ ->
                    sends.Value <- sends.Value + 1
                    deadToken)
                (fun () ->
                    marks.Value <- marks.Value + 1
                    deadToken)

        let node () =
            ChannelStop.create ChannelStop.defaultSettings StopPlan.alone world store ignore whatsApp

        let one = node ()
        let other = node ()
        let! first = one.MarkRead "whatsapp-1" (MessageId "wamid.1") never
        Assert.True(first.IsHeldBack, $"%A{first}")
        let! states = store.ServiceStates()
        let state = Assert.Single states
        Assert.Equal((ServiceCondition.Stopped, None), (state.Condition, state.Node))
        Assert.Contains("190", Option.get state.Reason)

        for _ in 1..10 do
            do! world.Delay (TimeSpan.FromMinutes 1.) never
            let! _ = other.MarkRead "whatsapp-1" (MessageId "wamid.1") never
            ()

        Assert.Equal(1, marks.Value)
        // The probe is due; of two nodes that send at the same moment one makes it.
        let! _ =
            Task.WhenAll [| sendOne one (keyOf "Ana" 1L); sendOne other (keyOf "Ana" 2L) |]

        Assert.Equal(1, sends.Value)
    })

[<Fact>]
let ``a probe that is held back further in leaves the next message to probe`` () =
    inSimulatedTime 3 (fun world -> task {
        let store = (storeIn world).Port

        let outcomes =
            Queue [
                deadToken
                HeldBack(TimeSpan.FromSeconds 1., "a limit")
                OutcomeUnknown "no answer"
                Accepted(MessageId "wamid.1")
            ]

        let whatsApp =
            whatsAppThat world (fun _ -> outcomes.Dequeue()) (fun () -> deadToken)

        let port =
            ChannelStop.create ChannelStop.defaultSettings StopPlan.alone world store ignore whatsApp

        let! _ = sendOne port (keyOf "Ana" 1L)
        do! world.Delay (TimeSpan.FromSeconds 31.) never
        let! held = sendOne port (keyOf "Ana" 2L)
        Assert.Equal(HeldBack(TimeSpan.FromSeconds 1., "a limit"), held)
        let! unknown = sendOne port (keyOf "Ana" 3L)
        Assert.Equal(OutcomeUnknown "no answer", unknown)
        // Nothing is proved by a call without an answer: the stop stays until the next probe.
        let! stays = sendOne port (keyOf "Ana" 4L)
        Assert.True(stays.IsHeldBack, $"%A{stays}")
        do! world.Delay (TimeSpan.FromMinutes 2.) never
        let! accepted = sendOne port (keyOf "Ana" 4L)
        Assert.True(accepted.IsAccepted, $"%A{accepted}")
        Assert.Empty outcomes
    })
