/// Stops sending on all nodes when WhatsApp refuses everything until somebody acts (a dead token, a locked
/// account), and goes on by itself when it accepts messages again. What came in is still taken in, and what
/// waits keeps its place and its tries.
module FunctionalBot.Effects.ChannelStop

open System
open System.Threading.Tasks

/// How a stopped channel is probed.
type StopSettings = {
    /// How long after the stop the first message is tried again. The waits grow with the time that the stop
    /// lasts.
    FirstProbe: TimeSpan
    /// The longest wait between two probes.
    LongestProbe: TimeSpan
    /// How long a node believes what it has read of the stop. The others go on and stop that much later.
    LookEvery: TimeSpan
}

/// 30 seconds, growing to 5 minutes; looked at every second.
let defaultSettings: StopSettings = {
    FirstProbe = TimeSpan.FromSeconds 30.
    LongestProbe = TimeSpan.FromMinutes 5.
    LookEvery = TimeSpan.FromSeconds 1.
}

/// When the probe after the one at `now` is due: as long again as the stop has lasted, within bounds. So it
/// doubles, and nodes that take turns need to remember nothing.
let nextProbe (settings: StopSettings) (since: DateTimeOffset) (now: DateTimeOffset) : DateTimeOffset =
    now + max settings.FirstProbe (min settings.LongestProbe (now - since))

/// Whether this is the stop of the channel for all nodes.
let isStopped (state: ServiceState) =
    state.Service = ServiceState.whatsApp
    && state.Node.IsNone
    && state.Condition = ServiceCondition.Stopped

/// What a node knows of the stop.
[<NoComparison; NoEquality>]
type private Knowledge = {
    /// The stop, if there is one, from what was known last; asks the store when that is too old.
    Look: unit -> Task<ServiceState option>
    /// Sets what is known, without asking. Gives what was known before.
    Learn: ServiceState option -> ServiceState option
}

let private knowledge settings (world: World) (store: StorePort) (changed: ServiceState -> unit) : Knowledge =
    let known: ServiceState option ref = ref None
    let readAt = ref DateTimeOffset.MinValue
    // What was read while something newer was learnt is not taken over.
    let lessons = ref 0

    let learn (state: ServiceState option) =
        let before = known.Value
        known.Value <- state
        lessons.Value <- lessons.Value + 1

        match before, state with
        | None, Some stopped -> changed stopped
        | Some before, None ->
            changed {
                before with
                    Condition = ServiceCondition.Working
                    Since = world.Now()
                    Reason = None
                    NextProbe = None
            }
        | None, None
        | Some _, Some _ -> ()

        before

    {
        Learn =
            fun state ->
                lock known (fun () ->
                    readAt.Value <- world.Now()
                    learn state)
        Look =
            fun () -> task {
                let isOld, lesson =
                    lock known (fun () ->
                        let now = world.Now()
                        let isOld = now - readAt.Value >= settings.LookEvery

                        if isOld then
                            readAt.Value <- now

                        isOld, lessons.Value)

                if isOld then
                    let! states = task {
                        try
                            let! states = store.ServiceStates()
                            return Some states
                        with StoreUnavailable _ ->
                            return None
                    }

                    match states with
                    | None -> ()
                    | Some states ->
                        let stop = states |> List.tryFind isStopped

                        lock known (fun () ->
                            if lessons.Value = lesson then
                                learn stop |> ignore)

                return known.Value
            }
    }

/// A store that is away is no reason to fail what can be done without it.
let private ifReachable (call: unit -> Task<'answer>) : Task<'answer option> = task {
    try
        let! answer = call ()
        return Some answer
    with StoreUnavailable _ ->
        return None
}

/// The port that stops. `changed` is told of each stop and each end of one, once on each node.
let create
    (settings: StopSettings)
    (world: World)
    (store: StorePort)
    (changed: ServiceState -> unit)
    (whatsApp: WhatsAppPort)
    : WhatsAppPort =
    let knowledge = knowledge settings world store changed

    /// Until a little after the next probe: the spread keeps a thousand messages from coming in one instant.
    let heldBack (state: ServiceState) =
        let now = world.Now()
        let until = state.NextProbe |> Option.defaultValue (now + settings.FirstProbe)

        let wait =
            max TimeSpan.Zero (until - now) + settings.FirstProbe * (world.Random() / 6.)

        let reason = state.Reason |> Option.defaultValue "no reason is known"
        HeldBack(wait, "the channel is stopped: " + reason)

    let stop (code: int) reason = task {
        let now = world.Now()

        let state = {
            Service = ServiceState.whatsApp
            Node = None
            Condition = ServiceCondition.Stopped
            Since = now
            Reason = Some $"%s{reason} (%i{code})"
            NextProbe = Some(nextProbe settings now now)
        }

        // Those who fail at the same moment do not all report it.
        match knowledge.Learn(Some state) with
        | Some known ->
            knowledge.Learn(Some known) |> ignore
            return heldBack known
        | None ->
            let! _ = ifReachable (fun () -> task { do! store.ReportService state })
            return heldBack state
    }

    let resume () : Task = task {
        let! ended = ifReachable (fun () -> task { do! store.ResumeMessages(world.Now()) })

        // While the store cannot be told, the stop stays; a later probe ends it.
        if ended.IsSome then
            knowledge.Learn None |> ignore
    }

    /// Whether the outcome proves that the channel accepts messages.
    let isAlive outcome =
        match outcome with
        | Accepted _
        | Refused _
        | RecipientBusy _ -> true
        | RetryLater _
        | OutcomeUnknown _
        | ChannelStopped _
        | HeldBack _ -> false

    /// Puts the next probe off. Gives the stop as it is then, and whether this probe is this node's.
    let takeProbe (stopped: ServiceState) = task {
        let now = world.Now()
        let next = nextProbe settings stopped.Since now
        let! isOurs = ifReachable (fun () -> store.TakeProbe ServiceState.whatsApp now next)
        let later = { stopped with NextProbe = Some next }
        knowledge.Learn(Some later) |> ignore
        return later, isOurs = Some true
    }

    let probe (stopped: ServiceState) (send: unit -> Task<SendOutcome>) = task {
        let! later, isOurs = takeProbe stopped

        if not isOurs then
            return heldBack later
        else
            let! outcome = send ()

            match outcome with
            | ChannelStopped _ -> return heldBack later
            | HeldBack _ ->
                // It was not sent, so nothing is known: the next message probes.
                let soon = {
                    stopped with
                        NextProbe = Some(world.Now())
                }

                let! _ = ifReachable (fun () -> task { do! store.ReportService soon })
                knowledge.Learn(Some soon) |> ignore
                return outcome
            | outcome when isAlive outcome ->
                do! resume ()
                return outcome
            | outcome -> return outcome
    }

    {
        Send =
            fun outgoing cancel -> task {
                let send () = whatsApp.Send outgoing cancel

                match! knowledge.Look() with
                | Some stopped when stopped.NextProbe |> Option.exists (fun due -> due > world.Now()) ->
                    return heldBack stopped
                | Some stopped -> return! probe stopped send
                | None ->
                    match! send () with
                    | ChannelStopped(code, reason) -> return! stop code reason
                    | outcome -> return outcome
            }
        // A read mark is often the first call that a dead token fails. It never probes.
        MarkRead =
            fun channel message cancel -> task {
                match! knowledge.Look() with
                | Some stopped -> return heldBack stopped
                | None ->
                    match! whatsApp.MarkRead channel message cancel with
                    | ChannelStopped(code, reason) -> return! stop code reason
                    | outcome -> return outcome
            }
        // A file that Meta takes proves nothing: a locked account may upload. So it goes up when a probe is due, and
        // the message behind it is the probe; but one that fails by the token is a probe that failed.
        Upload =
            fun channel file cancel -> task {
                match! knowledge.Look() with
                | Some stopped when stopped.NextProbe |> Option.exists (fun due -> due > world.Now()) ->
                    return Error(heldBack stopped)
                | known ->
                    let! uploaded = whatsApp.Upload channel file cancel

                    match uploaded, known with
                    | Error(ChannelStopped(code, reason)), None ->
                        let! outcome = stop code reason
                        return Error outcome
                    | Error(ChannelStopped _), Some stopped ->
                        let! later, _ = takeProbe stopped
                        return Error(heldBack later)
                    | outcome, _ -> return outcome
            }
    }
