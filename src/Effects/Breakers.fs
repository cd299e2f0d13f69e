/// Leaves a service alone that fails, as decorators of the ports. Each node has breakers of its own: what a
/// node cannot reach, another may.
module FunctionalBot.Effects.Breakers

open System
open System.Threading
open System.Threading.Tasks

/// WhatsApp: messages wait in the outbox anyway, so it is probed soon.
let whatsAppSettings: BreakerSettings = {
    Failures = 5
    First = TimeSpan.FromSeconds 2.
    Longest = TimeSpan.FromSeconds 30.
    ProbeLimit = TimeSpan.FromSeconds 45.
}

/// The assistant: a customer waits for every failure that it takes to see that it is away, and the stand-in
/// answers meanwhile. So the two tries of one question are enough.
let assistantSettings: BreakerSettings = {
    Failures = 2
    First = TimeSpan.FromSeconds 10.
    Longest = TimeSpan.FromMinutes 2.
    ProbeLimit = TimeSpan.FromSeconds 60.
}

/// Odoo: tickets wait, and the customer has been told.
let odooSettings: BreakerSettings = {
    Failures = 3
    First = TimeSpan.FromSeconds 5.
    Longest = TimeSpan.FromMinutes 2.
    ProbeLimit = TimeSpan.FromSeconds 90.
}

/// What breakers need of the node that they work for.
[<NoComparison; NoEquality>]
type BreakerHost = {
    World: World
    /// The node's name.
    Node: string
    /// Keeps a state where operators look. May fail; then it is tried again.
    Report: ServiceState -> Task
    /// Told of each change once.
    Changed: ServiceState -> unit
}

/// Reports states one after the other, without anybody waiting for it. What has been overtaken by a newer
/// state is not reported.
let private reporter (host: BreakerHost) : ServiceState -> unit =
    let next: ServiceState option ref = ref None
    let isWriting = ref false

    let take () =
        lock next (fun () ->
            let state = next.Value
            next.Value <- None
            isWriting.Value <- state.IsSome
            state)

    let putBack state =
        lock next (fun () ->
            if next.Value.IsNone then
                next.Value <- Some state)

    let write () : Task = task {
        let mutable state = take ()

        while state.IsSome do
            let! isKept = task {
                try
                    do! host.Report state.Value
                    return true
                with _ ->
                    return false
            }

            if not isKept then
                putBack state.Value
                do! host.World.Delay (TimeSpan.FromSeconds 5.) CancellationToken.None

            state <- take ()
    }

    fun state ->
        let isIdle =
            lock next (fun () ->
                next.Value <- Some state
                let isIdle = not isWriting.Value
                isWriting.Value <- true
                isIdle)

        if isIdle then
            write () |> ignore

/// The breaker's state and everything that moves it.
[<NoComparison; NoEquality>]
type private Switch = {
    Enter: unit -> Result<CallPermit, TimeSpan * string>
    Leave: CallPermit -> CallVerdict -> unit
    IsClosed: unit -> bool
}

let private switch (host: BreakerHost) settings service : Switch =
    let breaker = ref (CircuitBreaker.closed (host.World.Now()))
    let report = reporter host

    /// Moves the breaker; a change that operators see is told outside of the lock.
    let move step =
        let before, after, answer =
            lock breaker (fun () ->
                let before = breaker.Value
                let after, answer = step before
                breaker.Value <- after
                before, after, answer)

        if before.Round <> after.Round then
            let state = CircuitBreaker.describe service host.Node after
            report state
            host.Changed state

        after, answer

    {
        Enter =
            fun () ->
                let after, permit = move (CircuitBreaker.enter settings (host.World.Now()))

                permit
                |> Result.mapError (fun wait ->
                    // Spread, so that not all that waits comes back with the probe.
                    wait + settings.First * (host.World.Random() / 2.),
                    $"%s{service} is left alone for a while: %s{after.Reason}")
        Leave =
            fun permit verdict ->
                let now = host.World.Now()
                let chance = host.World.Random()

                move (fun breaker -> CircuitBreaker.leave settings now chance permit verdict breaker, ())
                |> ignore
        IsClosed =
            fun () ->
                match breaker.Value.Phase with
                | BreakerPhase.Closed _ -> true
                | BreakerPhase.Open _
                | BreakerPhase.HalfOpen _ -> false
    }

/// Makes the call if it may be made. A call that ends by an exception says nothing about the service.
let private guarded
    (switch: Switch)
    (leftOut: TimeSpan -> string -> 'answer)
    (judge: CallPermit -> 'answer -> CallVerdict)
    (call: unit -> Task<'answer>)
    : Task<'answer> =
    match switch.Enter() with
    | Error(wait, reason) -> Task.FromResult(leftOut wait reason)
    | Ok permit -> task {
        let verdict = ref NothingLearnt

        try
            let! answer = call ()
            verdict.Value <- judge permit answer
            return answer
        finally
            switch.Leave permit verdict.Value
      }

let private judgeSend _ outcome =
    match outcome with
    // We refused it ourselves.
    | Refused(0, _) -> NothingLearnt
    | Accepted _
    | Refused _
    | RecipientBusy _
    | ChannelStopped _ -> ServiceAnswered
    | RetryLater(after, reason) -> ServiceFailed(after, reason)
    | OutcomeUnknown reason -> ServiceFailed(None, reason)
    | HeldBack _ -> NothingLearnt

let private judgeUpload permit answer =
    match answer with
    | Ok _ -> ServiceAnswered
    | Error outcome -> judgeSend permit outcome

/// WhatsApp with a breaker. Read marks are no probes and do not count; while messages are held back, they are
/// too. Uploads count and probe as messages do, since the only thing that waits may be a file.
let whatsApp (host: BreakerHost) (settings: BreakerSettings) (port: WhatsAppPort) : WhatsAppPort =
    let switch = switch host settings ServiceState.whatsApp
    let leftOut wait reason = HeldBack(wait, reason)

    {
        Send = fun outgoing cancel -> guarded switch leftOut judgeSend (fun () -> port.Send outgoing cancel)
        MarkRead =
            fun channel message cancel ->
                if switch.IsClosed() then
                    port.MarkRead channel message cancel
                else
                    Task.FromResult(leftOut TimeSpan.Zero "WhatsApp is left alone for a while")
        Upload =
            fun channel file cancel ->
                guarded switch (fun wait reason -> Error(leftOut wait reason)) judgeUpload (fun () ->
                    port.Upload channel file cancel)
    }

let private judgeAnswer _ answer =
    match answer with
    | Ok _
    | Error(CannotAnswer _) -> ServiceAnswered
    | Error(AskAgain(after, reason)) -> ServiceFailed(after, reason)

/// The assistant with a breaker. While it is left alone the answer is at once that there is none, so that
/// the stand-in answers and nobody waits.
/// The numbers' assistants ask one service: they share the breaker of one call of this function.
let assistant (host: BreakerHost) (settings: BreakerSettings) : AssistantPort -> AssistantPort =
    let switch = switch host settings ServiceState.assistant
    let leftOut _ reason = Error(CannotAnswer reason)

    fun port -> {
        Ask = fun request cancel -> guarded switch leftOut judgeAnswer (fun () -> port.Ask request cancel)
    }

let private judgeTickets _ answer =
    match answer with
    | Ok _
    | Error(WillNotDo _) -> ServiceAnswered
    | Error(TryAgain(after, reason)) -> ServiceFailed(after, reason)
    | Error(LeftAlone _) -> NothingLearnt

/// A note is put off also where its ticket does not exist yet, which is no fault of the service. As a probe it
/// counts, or notes would probe all the time.
let private judgeNote (permit: CallPermit) answer =
    match answer with
    | Error(TryAgain _) when not permit.IsProbe -> NothingLearnt
    | answer -> judgeTickets permit answer

/// Odoo with a breaker, which the ports of all teams share that come of one call of this function.
let tickets (host: BreakerHost) (settings: BreakerSettings) : TicketsPort -> TicketsPort =
    let switch = switch host settings ServiceState.odoo
    let leftOut wait reason = Error(LeftAlone(wait, reason))

    fun port -> {
        Create =
            fun key ticket customer language cancel ->
                guarded switch leftOut judgeTickets (fun () ->
                    port.Create key ticket customer language cancel)
        AddNote =
            fun key creation note cancel ->
                guarded switch leftOut judgeNote (fun () -> port.AddNote key creation note cancel)
        Attach =
            fun key creation file openFile cancel ->
                guarded switch leftOut judgeNote (fun () -> port.Attach key creation file openFile cancel)
        Find =
            fun channel customer cancel ->
                guarded switch leftOut judgeTickets (fun () -> port.Find channel customer cancel)
    }
