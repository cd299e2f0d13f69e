/// Stops sending on all nodes when WhatsApp refuses everything until somebody acts (a dead token, a locked
/// account, a number without rights), and goes on by itself when it accepts messages again. A stop reaches as far as
/// its fault: the numbers of a token, of an account, or one number. What came in is still taken in, and what waits
/// keeps its place and its tries.
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

/// Whether the outcome proves that messages are accepted.
let private isAlive outcome =
    match outcome with
    | Accepted _
    | Refused _
    | RecipientBusy _ -> true
    | RetryLater _
    | OutcomeUnknown _
    | ChannelStopped _
    | HeldBack _ -> false

/// The port that stops. `changed` is told of each stop and each end of one, once on each node.
let create
    (settings: StopSettings)
    (plan: StopPlan)
    (world: World)
    (store: StorePort)
    (changed: ServiceState -> unit)
    (whatsApp: WhatsAppPort)
    : WhatsAppPort =
    let knowledge = StopKnowledge.create settings.LookEvery world store changed

    /// Until a little after the next probe: the spread keeps a thousand messages from coming in one instant.
    let heldBack (state: ServiceState) =
        let now = world.Now()
        let until = state.NextProbe |> Option.defaultValue (now + settings.FirstProbe)

        let wait =
            max TimeSpan.Zero (until - now) + settings.FirstProbe * (world.Random() / 6.)

        let reason = state.Reason |> Option.defaultValue "no reason is known"
        HeldBack(wait, "the channel is stopped: " + reason)

    let stop (service: string) (code: int) reason = task {
        let now = world.Now()

        let state = {
            Service = service
            Node = None
            Condition = ServiceCondition.Stopped
            Since = now
            Reason = Some $"%s{reason} (%i{code})"
            NextProbe = Some(nextProbe settings now now)
        }

        // Those who fail at the same moment do not all report it.
        match knowledge.Learn service (Some state) with
        | Some known ->
            knowledge.Learn service (Some known) |> ignore
            return heldBack known
        | None ->
            do!
                knowledge.Tell(fun () ->
                    StopKnowledge.ifReachable (fun () -> task { do! store.ReportService state }))

            return heldBack state
    }

    let resume (service: string) : Task = task {
        let! ended =
            StopKnowledge.ifReachable (fun () -> task { do! store.ResumeMessages service (world.Now()) })

        // While the store cannot be told, the stop stays; a later probe ends it.
        if ended.IsSome then
            knowledge.Learn service None |> ignore
    }

    let resumeAll (stops: ServiceState list) : Task = task {
        for stop in stops do
            do! resume stop.Service
    }

    /// Moves the next probe of a stop on. Some when the probe that is due is this node's.
    let takeProbe (stopped: ServiceState) = task {
        let now = world.Now()
        let next = nextProbe settings stopped.Since now

        let! isOurs =
            StopKnowledge.ifReachable (fun () -> store.TakeProbe stopped.Service now next)

        let later = { stopped with NextProbe = Some next }
        knowledge.Learn stopped.Service (Some later) |> ignore
        return later, isOurs = Some true
    }

    /// A probe of one stop met another fault. What reaches further than that has let the message pass, and is over.
    let hitAnother (channel: string) (held: ServiceState list) (service: string) code reason = task {
        let wider =
            StopPlan.namesOf plan channel |> List.takeWhile (fun name -> name <> service)

        do! held |> List.filter (fun stop -> List.contains stop.Service wider) |> resumeAll

        match held |> List.tryFind (fun stop -> stop.Service = service) with
        | Some known ->
            let! later, _ = takeProbe known
            return heldBack later
        | None -> return! stop service code reason
    }

    /// Makes the probe that is due of the widest stop that holds the channel.
    let probe (channel: string) (held: ServiceState list) (send: unit -> Task<SendOutcome>) = task {
        let stopped = List.head held
        let! later, isOurs = takeProbe stopped

        if not isOurs then
            return heldBack later
        else
            let! outcome = send ()

            match outcome with
            | ChannelStopped(code, reason) ->
                let service = StopPlan.nameFor plan channel code

                if service = stopped.Service then
                    return heldBack later
                else
                    return! hitAnother channel held service code reason
            | HeldBack _ ->
                // It was not sent, so nothing is known: the next message probes.
                let soon = {
                    stopped with
                        NextProbe = Some(world.Now())
                }

                let! _ = StopKnowledge.ifReachable (fun () -> task { do! store.ReportService soon })
                knowledge.Learn stopped.Service (Some soon) |> ignore
                return outcome
            | outcome when isAlive outcome ->
                do! resumeAll held
                return outcome
            | outcome -> return outcome
    }

    /// The stops that hold a channel, widest first.
    let holding (channel: string) : Task<ServiceState list> = task {
        let! stops = knowledge.Look()

        return
            if stops.IsEmpty then
                []
            else
                StopPlan.namesOf plan channel |> List.choose stops.TryFind
    }

    let isWaiting (state: ServiceState) =
        state.NextProbe |> Option.exists (fun due -> due > world.Now())

    {
        Send =
            fun outgoing cancel -> task {
                let channel = outgoing.Key.Session.Channel
                let send () = whatsApp.Send outgoing cancel

                match! holding channel with
                | [] ->
                    match! send () with
                    | ChannelStopped(code, reason) ->
                        return! stop (StopPlan.nameFor plan channel code) code reason
                    | outcome -> return outcome
                | held ->
                    match held |> List.filter isWaiting with
                    | [] -> return! probe channel held send
                    | waiting -> return heldBack (waiting |> List.maxBy _.NextProbe)
            }
        // A read mark is often the first call that a dead token fails. It never probes.
        MarkRead =
            fun channel message cancel -> task {
                match! holding channel with
                | stopped :: _ -> return heldBack stopped
                | [] ->
                    match! whatsApp.MarkRead channel message cancel with
                    | ChannelStopped(code, reason) ->
                        return! stop (StopPlan.nameFor plan channel code) code reason
                    | outcome -> return outcome
            }
        // A file that Meta takes proves nothing: a locked account may upload. So it goes up when a probe is due, and
        // the message behind it is the probe; but one that fails by the token is a probe that failed.
        Upload =
            fun channel file cancel -> task {
                let! held = holding channel

                match held |> List.filter isWaiting with
                | _ :: _ as waiting -> return Error(heldBack (waiting |> List.maxBy _.NextProbe))
                | [] ->
                    match! whatsApp.Upload channel file cancel with
                    | Error(ChannelStopped(code, reason)) ->
                        let! outcome =
                            hitAnother channel held (StopPlan.nameFor plan channel code) code reason

                        return Error outcome
                    | outcome -> return outcome
            }
    }
