/// What a node knows of the stops of its channels, between two looks at the store.
module FunctionalBot.Effects.StopKnowledge

open System
open System.Threading.Tasks

/// What a node knows of the stops, by their names.
[<NoComparison; NoEquality>]
type internal StopKnowledge = {
    /// The stops there are, from what was known last; asks the store when that is too old.
    Look: unit -> Task<Map<string, ServiceState>>
    /// Sets what is known of one, without asking. Gives what was known of it before.
    Learn: string -> ServiceState option -> ServiceState option
    /// Makes a call that tells the store what was learnt. Until it has come back the store may say what was before.
    Tell: (unit -> Task) -> Task
}

/// A store that is away is no reason to fail what can be done without it.
let internal ifReachable (call: unit -> Task<'answer>) : Task<'answer option> = task {
    try
        let! answer = call ()
        return Some answer
    with StoreUnavailable _ ->
        return None
}

/// Knows nothing yet. What was read is believed for `lookEvery`; `changed` is told of each stop and each end of one,
/// once.
let internal create
    (lookEvery: TimeSpan)
    (world: World)
    (store: StorePort)
    (changed: ServiceState -> unit)
    : StopKnowledge =
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
                        let isOld = now - readAt.Value >= lookEvery

                        if isOld then
                            readAt.Value <- now

                        isOld, lessons.Value)

                if isOld then
                    match! ifReachable store.ServiceStates with
                    | None -> ()
                    | Some states ->
                        let stops =
                            Map [
                                for state in List.filter ServiceState.isStopOfMessages states ->
                                    state.Service, state
                            ]

                        lock known (fun () ->
                            if lessons.Value = lesson && untold.Value = 0 then
                                for service in Seq.append known.Value.Keys stops.Keys |> Set.ofSeq do
                                    learn service (stops.TryFind service) |> ignore)

                return known.Value
            }
    }
