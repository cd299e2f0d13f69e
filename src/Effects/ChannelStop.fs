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

/// How far a stop reaches.
[<RequireQualifiedAccess>]
type StopReach =
    /// All numbers that share the token.
    | Token
    /// All numbers of the account.
    | Account
    | Number

/// The names under which the stops are kept that hold one number.
type StopNames = {
    Token: string
    /// None where the number's account is not known: then each of its numbers finds out for itself.
    Account: string option
    Number: string
}

/// Which numbers stop together.
[<NoComparison; NoEquality>]
type StopPlan = {
    /// The numbers of this process by channel.
    Numbers: Map<string, StopNames>
    /// How far a refusal reaches, by Meta's code.
    ReachOf: int -> StopReach
}

/// One number, or several that share all: each stop holds everything.
let alone: StopPlan = {
    Numbers = Map.empty
    ReachOf = fun _ -> StopReach.Token
}

/// Widest first.
let private namesOf (plan: StopPlan) (channel: string) : string list =
    match Map.tryFind channel plan.Numbers with
    | Some names -> [ names.Token ] @ Option.toList names.Account @ [ names.Number ]
    | None -> [ ServiceState.whatsApp ]

/// Whether a number of this process can be held by the stop of this name.
let concerns (plan: StopPlan) (service: string) : bool =
    plan.Numbers
    |> Map.exists (fun channel _ -> List.contains service (namesOf plan channel))

/// The name of the stop that a refusal with this code makes.
let private nameFor (plan: StopPlan) (channel: string) (code: int) : string =
    match Map.tryFind channel plan.Numbers, plan.ReachOf code with
    | None, _ -> ServiceState.whatsApp
    | Some names, StopReach.Token -> names.Token
    | Some names, StopReach.Account -> names.Account |> Option.defaultValue names.Number
    | Some names, StopReach.Number -> names.Number

/// Whether this is a stop of messages for all nodes.
let isStopped (state: ServiceState) =
    ServiceState.isWhatsApp state.Service
    && state.Node.IsNone
    && state.Condition = ServiceCondition.Stopped

/// What a node knows of the stops, by their names.
[<NoComparison; NoEquality>]
type private Knowledge = {
    /// The stops there are, from what was known last; asks the store when that is too old.
    Look: unit -> Task<Map<string, ServiceState>>
    /// Sets what is known of one, without asking. Gives what was known of it before.
    Learn: string -> ServiceState option -> ServiceState option
    /// Makes a call that tells the store what was learnt. Until it has come back the store may say what was before.
    Tell: (unit -> Task) -> Task
}

let private knowledge settings (world: World) (store: StorePort) (changed: ServiceState -> unit) : Knowledge =
    let known: Map<string, ServiceState> ref = ref Map.empty
    let readAt = ref DateTimeOffset.MinValue
    // What was read while something newer was learnt, or told to the store, is not taken over.
    let lessons = ref 0
    let untold = ref 0

    let learn (service: string) (state: ServiceState option) =
        let before = known.Value.TryFind service
        known.Value <- known.Value.Change(service, (fun _ -> state))
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
            fun service state ->
                lock known (fun () ->
                    readAt.Value <- world.Now()
                    learn service state)
        Tell =
            fun call -> task {
                lock known (fun () -> untold.Value <- untold.Value + 1)

                try
                    do! call ()
                finally
                    lock known (fun () ->
                        untold.Value <- untold.Value - 1
                        lessons.Value <- lessons.Value + 1)
            }
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
                        let stops =
                            Map [ for state in List.filter isStopped states -> state.Service, state ]

                        lock known (fun () ->
                            if lessons.Value = lesson && untold.Value = 0 then
                                for service in Seq.append known.Value.Keys stops.Keys |> Set.ofSeq do
                                    learn service (stops.TryFind service) |> ignore)

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
    let knowledge = knowledge settings world store changed

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
            do! knowledge.Tell(fun () -> ifReachable (fun () -> task { do! store.ReportService state }))
            return heldBack state
    }

    let resume (service: string) : Task = task {
        let! ended =
            ifReachable (fun () -> task { do! store.ResumeMessages service (world.Now()) })

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
        let! isOurs = ifReachable (fun () -> store.TakeProbe stopped.Service now next)
        let later = { stopped with NextProbe = Some next }
        knowledge.Learn stopped.Service (Some later) |> ignore
        return later, isOurs = Some true
    }

    /// A probe of one stop met another fault. What reaches further than that has let the message pass, and is over.
    let hitAnother (channel: string) (held: ServiceState list) (service: string) code reason = task {
        let wider = namesOf plan channel |> List.takeWhile (fun name -> name <> service)

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
                let service = nameFor plan channel code

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

                let! _ = ifReachable (fun () -> task { do! store.ReportService soon })
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
                namesOf plan channel |> List.choose stops.TryFind
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
                    | ChannelStopped(code, reason) -> return! stop (nameFor plan channel code) code reason
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
                    | ChannelStopped(code, reason) -> return! stop (nameFor plan channel code) code reason
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
                        let! outcome = hitAnother channel held (nameFor plan channel code) code reason
                        return Error outcome
                    | outcome -> return outcome
            }
    }
