/// What a circuit breaker promises, and what the ports do behind one.
module FunctionalBot.Tests.BreakerTests

open System
open System.Collections.Generic
open System.Threading.Tasks
open FsCheck
open FsCheck.FSharp
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.Protected

let private settings: BreakerSettings = {
    Failures = 3
    First = TimeSpan.FromSeconds 5.
    Longest = TimeSpan.FromMinutes 2.
    ProbeLimit = TimeSpan.FromSeconds 60.
}

/// One thing that happens to a breaker.
type private Step =
    | Passes of seconds: int
    | Asks
    /// The call that asked as the n-th of those under way ends so.
    | Ends of index: int * CallVerdict

let private verdict: Gen<CallVerdict> =
    Gen.frequency [
        2, Gen.constant ServiceAnswered
        4, Gen.constant (ServiceFailed(None, "503"))
        1,
        Gen.choose (0, 600)
        |> Gen.map (fun seconds -> ServiceFailed(Some(TimeSpan.FromSeconds(float seconds)), "429"))
        1, Gen.constant NothingLearnt
    ]

let private steps: Arbitrary<(Step * float) list> =
    let step =
        Gen.frequency [
            2, Gen.choose (0, 90) |> Gen.map Passes
            4, Gen.constant Asks
            4, Gen.zip (Gen.choose (0, 5)) verdict |> Gen.map Ends
        ]

    let chance = Gen.choose (0, 999) |> Gen.map (fun number -> float number / 1000.)
    Gen.listOf (Gen.zip step chance) |> Arb.fromGen

/// A breaker at work: the time, what is under way, and when probes were let through.
type private Scene = {
    Now: DateTimeOffset
    Breaker: Breaker
    UnderWay: CallPermit list
    Broken: string list
}

let private play (steps: (Step * float) list) : Scene =
    let complain what (scene: Scene) = {
        scene with
            Broken = what :: scene.Broken
    }

    let ask (scene: Scene) =
        let breaker, answer = CircuitBreaker.enter settings scene.Now scene.Breaker

        match scene.Breaker.Phase, answer with
        | BreakerPhase.Open(until, _), Ok _ when until > scene.Now -> complain "a call while it is open" scene
        | _, Error wait when wait <= TimeSpan.Zero -> complain "left out for no time" scene
        | BreakerPhase.Closed _, Error _ -> complain "a call left out while it is closed" scene
        | _, Error _ -> { scene with Breaker = breaker }
        | BreakerPhase.HalfOpen(since, _), Ok _ when scene.Now - since < settings.ProbeLimit ->
            complain "two probes at a time" scene
        | _, Ok permit -> {
            scene with
                Breaker = breaker
                UnderWay = scene.UnderWay @ [ permit ]
          }

    let finish chance index verdict (scene: Scene) =
        match List.tryItem index scene.UnderWay with
        | None -> scene
        | Some permit ->
            let breaker =
                CircuitBreaker.leave settings scene.Now chance permit verdict scene.Breaker

            let scene' = {
                scene with
                    Breaker = breaker
                    UnderWay = List.removeAt index scene.UnderWay
            }

            match breaker.Phase with
            | _ when permit.Round <> scene.Breaker.Round && breaker <> scene.Breaker ->
                complain "an outcome of an earlier round counted" scene'
            | BreakerPhase.Open(until, _) when
                breaker.Round <> scene.Breaker.Round
                && verdict <> NothingLearnt
                && (until - scene.Now < settings.First / 2. || until - scene.Now > settings.Longest)
                ->
                complain $"open for %A{until - scene.Now}" scene'
            | _ -> scene'

    let one (scene: Scene) (step, chance) =
        match step with
        | Passes seconds -> {
            scene with
                Now = scene.Now.AddSeconds(float seconds)
          }
        | Asks -> ask scene
        | Ends(index, verdict) -> finish chance index verdict scene

    let fresh = {
        Now = start
        Breaker = CircuitBreaker.closed start
        UnderWay = []
        Broken = []
    }

    List.fold one fresh steps

let private check (property: (Step * float) list -> bool) =
    Check.One(Config.QuickThrowOnFailure.WithMaxTest 2000, Prop.forAll steps property)

[<Fact>]
let ``open means no calls, half-open means one, and no outcome counts for another round`` () =
    check (fun steps ->
        match (play steps).Broken with
        | [] -> true
        | broken -> failwith (String.concat "; " broken))

[<Fact>]
let ``whatever happened, after the longest wait one answer closes it`` () =
    check (fun steps ->
        let scene = play steps
        let later = scene.Now + settings.Longest + settings.ProbeLimit
        let breaker, answer = CircuitBreaker.enter settings later scene.Breaker

        match answer with
        | Error _ -> false
        | Ok permit ->
            let after = CircuitBreaker.leave settings later 0.5 permit ServiceAnswered breaker

            after.Phase = BreakerPhase.Closed 0)

[<Fact>]
let ``each probe that fails doubles the wait, up to the longest`` () =
    let fail breaker now =
        match CircuitBreaker.enter settings now breaker with
        | breaker, Ok permit ->
            CircuitBreaker.leave settings now 0.999 permit (ServiceFailed(None, "503")) breaker
        | _, Error wait -> failwith $"left out for %A{wait}"

    let mutable breaker = CircuitBreaker.closed start
    let mutable now = start

    for _ in 1 .. settings.Failures do
        breaker <- fail breaker now

    let waits = [
        for _ in 1..7 do
            match breaker.Phase with
            | BreakerPhase.Open(until, _) ->
                Math.Round((until - now).TotalSeconds)
                now <- until
                breaker <- fail breaker now
            | phase -> failwith $"%A{phase}"
    ]

    Assert.Equal<float list>([ 5.; 10.; 20.; 40.; 80.; 120.; 120. ], waits)

let private hostIn (world: World) (store: StorePort) (changes: List<ServiceState>) : Breakers.BreakerHost = {
    World = world
    Node = "one"
    Report = store.ReportService
    Changed = changes.Add
}

let private question: AssistantRequest = {
    SafetyIdentifier = "customer"
    Language = Spanish
    Thread = []
    About = None
    Hint = None
}

let private conditions (changes: List<ServiceState>) =
    changes |> Seq.map _.Condition |> List.ofSeq

[<Fact>]
let ``an assistant that is away is not asked, and one probe finds that it is back`` () =
    inSimulatedTime 1 (fun world -> task {
        let store = (storeIn world).Port
        let changes = List<ServiceState>()
        let asked = ref 0
        let isAway = ref true

        let port: AssistantPort = {
            Ask =
                fun _ cancel -> task {
                    asked.Value <- asked.Value + 1
                    do! world.Delay (TimeSpan.FromSeconds 25.) cancel

                    return
                        if isAway.Value then
                            Error(AskAgain(None, "no answer in 25 s"))
                        else
                            Error(CannotAnswer "refused, but there")
                }
        }

        let assistant =
            Breakers.assistant (hostIn world store changes) Breakers.assistantSettings port

        let ask () = assistant.Ask question never

        for _ in 1..2 do
            let! _ = ask ()
            ()

        let before = world.Now()

        for _ in 1..1000 do
            match! ask () with
            | Error(CannotAnswer reason) -> Assert.Contains("no answer in 25 s", reason)
            | answer -> failwith $"%A{answer}"

        Assert.Equal(2, asked.Value)
        Assert.Equal(before, world.Now())

        // The states are written beside the calls.
        do! world.Delay (TimeSpan.FromSeconds 15.) never
        let! states = store.ServiceStates()
        let state = Assert.Single states
        Assert.Equal(("assistant", Some "one"), (state.Service, state.Node))
        Assert.Equal(ServiceCondition.Paused, state.Condition)
        Assert.Equal(Some "no answer in 25 s", state.Reason)
        Assert.True state.NextProbe.IsSome

        isAway.Value <- false
        let probe = ask ()
        // While the probe is under way the others are answered at once.
        let! meanwhile = ask ()
        Assert.True(meanwhile.IsError)
        Assert.Equal(3, asked.Value)
        let! _ = probe
        let! _ = ask ()
        Assert.Equal(4, asked.Value)
        do! world.Delay (TimeSpan.FromSeconds 1.) never
        let! states = store.ServiceStates()
        Assert.Equal(ServiceCondition.Working, states.Head.Condition)

        Assert.Equal<ServiceCondition list>(
            [ ServiceCondition.Paused; ServiceCondition.Probing; ServiceCondition.Working ],
            conditions changes
        )
    })

[<Fact>]
let ``a state that cannot be written is written when the store is back`` () =
    inSimulatedTime 2 (fun world -> task {
        let store = (storeIn world).Port
        let tries = ref 0

        let host = {
            hostIn world store (List()) with
                Report =
                    fun state -> task {
                        tries.Value <- tries.Value + 1

                        if tries.Value <= 3 then
                            raise (StoreUnavailable("away", TimeoutException()))

                        do! store.ReportService state
                    }
        }

        let assistant =
            Breakers.assistant host Breakers.assistantSettings {
                Ask = fun _ _ -> Task.FromResult(Error(AskAgain(None, "503")))
            }

        for _ in 1..2 do
            let! _ = assistant.Ask question never
            ()

        do! world.Delay (TimeSpan.FromSeconds 30.) never
        let! states = store.ServiceStates()
        Assert.Equal(ServiceCondition.Paused, (Assert.Single states).Condition)
    })

let private customer: Customer = {
    Id = CustomerId "ES.1"
    Phone = None
    Name = None
}

/// Odoo as a function, with the count of its calls.
let private odooThat (outcome: unit -> TicketFailure) =
    let calls = ref 0

    let fail () =
        calls.Value <- calls.Value + 1
        outcome ()

    let port: TicketsPort = {
        Create = fun _ _ _ _ _ -> Task.FromResult(Error(fail ()))
        AddNote = fun _ _ _ _ -> Task.FromResult(Error(fail ()))
        Attach = fun _ _ _ _ _ -> Task.FromResult(Error(fail ()))
        Find = fun _ _ _ -> Task.FromResult(Error(fail ()))
    }

    port, calls

[<Fact>]
let ``an Odoo that is away is left alone and says when it is asked next`` () =
    inSimulatedTime 3 (fun world -> task {
        let port, calls = odooThat (fun () -> TryAgain(None, "502"))

        let tickets =
            Breakers.tickets (hostIn world (storeIn world).Port (List())) Breakers.odooSettings port

        for _ in 1..3 do
            let! _ = tickets.Find "whatsapp-1" customer never
            ()

        for _ in 1..100 do
            match! tickets.AddNote (keyOf "Ana" 2L) (keyOf "Ana" 1L) "nota" never with
            | Error(LeftAlone(after, _)) ->
                Assert.InRange(after, TimeSpan.FromSeconds 2., TimeSpan.FromSeconds 8.)
            | answer -> failwith $"%A{answer}"

        Assert.Equal(3, calls.Value)
    })

[<Fact>]
let ``a note that comes before its ticket, and a plain refusal, are no failures of the service`` () =
    inSimulatedTime 4 (fun world -> task {
        let port, calls =
            odooThat (fun () -> TryAgain(None, "The ticket does not exist yet"))

        let host = hostIn world (storeIn world).Port (List())
        let early = Breakers.tickets host Breakers.odooSettings port

        for _ in 1..50 do
            let! _ = early.AddNote (keyOf "Ana" 2L) (keyOf "Ana" 1L) "nota" never
            ()

        Assert.Equal(50, calls.Value)
        let port, calls = odooThat (fun () -> WillNotDo "ValidationError")
        let refusing = Breakers.tickets host Breakers.odooSettings port

        for _ in 1..50 do
            let! _ = refusing.Find "whatsapp-1" customer never
            ()

        Assert.Equal(50, calls.Value)
    })

[<Fact>]
let ``WhatsApp is left alone for failures, not for what concerns one message or one customer`` () =
    inSimulatedTime 5 (fun world -> task {
        let host = hostIn world (storeIn world).Port (List())

        let callsFor outcome = task {
            let calls = ref 0

            let port =
                whatsAppThat
                    world
                    (fun _ ->
                        calls.Value <- calls.Value + 1
                        outcome)
                    (fun () -> outcome)
                |> Breakers.whatsApp host Breakers.whatsAppSettings

            let mutable last = outcome

            for version in 1L .. 20L do
                let! ended = sendOne port (keyOf "Ana" version)
                last <- ended

            return calls.Value, last
        }

        for harmless in
            [
                Accepted(MessageId "wamid.1")
                Refused(131026, "undeliverable")
                RecipientBusy "131056"
                ChannelStopped(190, "token")
            ] do
            let! calls, _ = callsFor harmless
            Assert.Equal((harmless, 20), (harmless, calls))

        for failure in [ RetryLater(None, "no connection"); OutcomeUnknown "no answer" ] do
            let! calls, last = callsFor failure
            Assert.Equal((failure, 5), (failure, calls))
            Assert.True(last.IsHeldBack, $"%A{last}")
    })

[<Fact>]
let ``a call that throws leaves the breaker as it is`` () =
    inSimulatedTime 6 (fun world -> task {
        let calls = ref 0

        let assistant =
            Breakers.assistant (hostIn world (storeIn world).Port (List())) Breakers.assistantSettings {
                Ask =
                    fun _ _ ->
                        calls.Value <- calls.Value + 1
                        Task.FromException<_>(InvalidOperationException "a fault")
            }

        for _ in 1..5 do
            let! _ =
                Assert.ThrowsAsync<InvalidOperationException>(fun () -> assistant.Ask question never :> Task)

            ()

        Assert.Equal(5, calls.Value)
    })
