/// What stands around the services in the program that runs: limits, breakers, the stop of the channel.
module FunctionalBot.Tests.ProtectionTests

open System
open System.Collections.Generic
open System.Threading.Tasks
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Tests.Protected
open FunctionalBot.Web

let private seconds (count: float) = TimeSpan.FromSeconds count

let private limitsOf rate pair : PaceLimits =
    Protection.limits {
        NumberRate = rate
        PairSeconds = pair
        PairBurst = 45
        FirstProbe = seconds 30.
        Keep = TimeSpan.FromDays 30.
    }

[<Fact>]
let ``the limits of a number and of a customer are as configured, and 0 lifts one`` () =
    let both = limitsOf 80. 6.
    Assert.Equal(Some { Interval = seconds 0.0125; Burst = 1 }, both.Number)
    Assert.Equal(Some { Interval = seconds 6.; Burst = 45 }, both.Pair)
    Assert.Equal(None, (limitsOf 0. 6.).Number)
    Assert.Equal(None, (limitsOf 80. 0.).Pair)

let private stateOf condition node nextProbe : ServiceState = {
    Service = ServiceState.odoo
    Node = node
    Condition = condition
    Since = start
    Reason = Some "502"
    NextProbe = nextProbe
}

[<Fact>]
let ``a service that a node left alone is no trouble any more when nobody has called it for long`` () =
    let paused =
        stateOf ServiceCondition.Paused (Some "node") (Some(start + seconds 60.))

    let probing = stateOf ServiceCondition.Probing (Some "node") (Some start)
    let stopped = stateOf ServiceCondition.Stopped None (Some start)
    let working = stateOf ServiceCondition.Working (Some "node") None

    let told (minutes: float) =
        Protection.describeTrouble (start + TimeSpan.FromMinutes minutes) [
            paused
            probing
            stopped
            working
        ]
        |> List.length

    Assert.Equal<int list>([ 3; 3; 2; 1; 1 ], [ for minutes in [ 0.; 9.; 10.5; 12.; 3000. ] -> told minutes ])

/// This WhatsApp behind the protection of a real configuration.
let private guarded (world: World) (store: StorePort) (whatsApp: WhatsAppPort) : WhatsAppPort =
    let configuration =
        match SettingTests.configured [ "BOT_UNKNOWN_WAIT_SECONDS", "60" ] with
        | Ok configuration -> configuration
        | Error problems -> failwith $"%A{problems}"

    let services = {
        InterpreterTests.servicesWith
            (HeldBack(TimeSpan.Zero, "unused"))
            InterpreterTests.unused
            (WillNotDo "unused") with
            World = world
            WhatsApp = whatsApp
            Retry = {
                Interpreter.defaultRetry with
                    UnknownWait = configuration.UnknownWait
            }
    }

    (Protection.protect configuration store silent Serilog.Core.Logger.None services).WhatsApp

/// Sends one message through the protection. `looking` and `reserving` are how long the store takes for either.
/// Returns the outcome and how often WhatsApp was called.
let private sentAfter looking reserving =
    let outcomes = List<SendOutcome>()
    let calls = List<DateTimeOffset>()

    inSimulatedTime 1 (fun world -> task {
        let store = (storeIn world).Port

        let store = {
            store with
                ServiceStates =
                    fun () -> task {
                        do! world.Delay looking never
                        return! store.ServiceStates()
                    }
                Reserve =
                    fun limits requests -> task {
                        do! world.Delay reserving never
                        return! store.Reserve limits requests
                    }
        }

        let outcomeOf reason = HeldBack(TimeSpan.Zero, reason)

        let whatsApp = {
            whatsAppThat world (fun _ -> outcomeOf "unused") (fun () -> outcomeOf "unused") with
                Send =
                    fun _ _ ->
                        calls.Add(world.Now())
                        Task.FromResult(Accepted(FunctionalBot.Domain.MessageId "wamid.1"))
        }

        let! outcome = sendOne (guarded world store whatsApp) (keyOf "Ana" 1L)
        outcomes.Add outcome
    })

    outcomes[0], calls.Count

[<Theory>]
[<InlineData(0., 0.)>]
[<InlineData(0., 20.)>]
[<InlineData(12., 15.)>]
let ``a message that waits a little for the store is sent`` (looking: float) (reserving: float) =
    let outcome, calls = sentAfter (seconds looking) (seconds reserving)
    Assert.True(outcome.IsAccepted, $"%A{outcome}")
    Assert.Equal(1, calls)

[<Theory>]
[<InlineData(0., 31.)>]
[<InlineData(31., 0.)>]
[<InlineData(16., 16.)>]
[<InlineData(0., 3600.)>]
let ``a message that was kept from going for so long that another node may have sent it is not sent``
    (looking: float)
    (reserving: float)
    =
    // As when the node sleeps while it waits: what it was told of the lease is of long ago.
    match sentAfter (seconds looking) (seconds reserving) with
    | HeldBack(after, reason), calls ->
        Assert.Equal((TimeSpan.Zero, 0), (after, calls))
        Assert.Contains("too long", reason)
    | outcome -> Assert.Fail $"%A{outcome}"

[<Fact>]
let ``the waits for slots alone never keep a message back, however short the wait for unknown outcomes is``
    ()
    =
    Assert.True(InTime.limitFor (seconds 1.) > (limitsOf 80. 6.).Patience * 2.)
    Assert.Equal(seconds 30., InTime.limitFor (seconds 60.))

/// How often slots were asked for of the store.
let private countingSlots (slots: int ref) (store: StorePort) : StorePort = {
    store with
        Reserve =
            fun limits requests ->
                slots.Value <- slots.Value + requests.Length
                store.Reserve limits requests
}

let private blank key =
    Outgoing.ofCommand key recipient None (TextMessage " ")

[<Fact>]
let ``a message that we refuse ourselves ends no stop and takes no slot`` () =
    inSimulatedTime 2 (fun world -> task {
        let slots = ref 0
        let store = (storeIn world).Port |> countingSlots slots
        let answer = ref (ChannelStopped(131031, "locked"))

        let port =
            whatsAppThat world (fun _ -> answer.Value) (fun () -> answer.Value)
            |> guarded world store

        let isStopped () = task {
            let! states = store.ServiceStates()
            return List.exists ServiceState.isStopOfMessages states
        }

        let! _ = sendOne port (keyOf "Ana" 1L)
        let! before = isStopped ()
        Assert.Equal((true, 1), (before, slots.Value))
        // The probe is due by then.
        do! world.Delay (seconds 40.) never
        let! refused = port.Send (blank (keyOf "Ana" 2L)) never
        Assert.True(refused.IsRefused, $"%A{refused}")
        let! after = isStopped ()
        Assert.Equal((true, 1), (after, slots.Value))
        answer.Value <- Accepted(FunctionalBot.Domain.MessageId "wamid.1")
        let! probe = sendOne port (keyOf "Ana" 3L)
        Assert.True(probe.IsAccepted, $"%A{probe}")
        let! atLast = isStopped ()
        Assert.False atLast
    })

let private file: FileUpload = {
    Hash = FunctionalBot.Domain.FileHash "0"
    Name = "plano.pdf"
    MimeType = "application/pdf"
    Size = 3L
    Open = fun _ -> Task.FromResult None
}

[<Fact>]
let ``a file that Meta has already is no proof that a service which is left alone is back`` () =
    inSimulatedTime 3 (fun world -> task {
        let store = (storeIn world).Port
        let calls = ref 0
        let answer = ref (Accepted(FunctionalBot.Domain.MessageId "1"))

        let port =
            whatsAppThat
                world
                (fun _ ->
                    calls.Value <- calls.Value + 1
                    answer.Value)
                (fun () -> answer.Value)
            |> guarded world store

        let! uploaded = port.Upload "whatsapp-1" file never
        Assert.True(Result.isOk uploaded)
        answer.Value <- OutcomeUnknown "no answer"

        for number in 1L .. int64 Breakers.whatsAppSettings.Failures do
            let! _ = sendOne port (keyOf $"Ana%d{number}" 1L)
            ()

        Assert.Equal(Breakers.whatsAppSettings.Failures, calls.Value)
        do! world.Delay (seconds 60.) never
        let! again = port.Upload "whatsapp-1" file never
        Assert.True(Result.isOk again)
        // The breaker is where it was: one message finds out, and the next ones are held back.
        let! _ = sendOne port (keyOf "Ana" 2L)
        let! held = sendOne port (keyOf "Ana" 3L)
        Assert.True(held.IsHeldBack, $"%A{held}")
        Assert.Equal(Breakers.whatsAppSettings.Failures + 1, calls.Value)
    })
