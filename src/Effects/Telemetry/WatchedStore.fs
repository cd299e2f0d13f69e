/// The store with numbers for its calls, with spans for decisions, and with outcomes that go on in the trace of
/// their command.
module FunctionalBot.Effects.Telemetry.WatchedStore

open System
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Notes how long a call took and whether the database served it.
let private note
    (instruments: Instruments)
    (world: World)
    (name: string)
    (start: TimeSpan)
    (fault: exn option)
    =
    let call = Label.tag "bot.call" name
    instruments.StoreCalls.Record((world.Elapsed() - start).TotalSeconds, call)

    match fault with
    | Some(StoreUnavailable _) -> instruments.Unavailable.Add(1L, call)
    | Some _
    | None -> ()

let private timed
    (instruments: Instruments)
    (world: World)
    name
    (call: unit -> Task<'answer>)
    : Task<'answer> = task {
    let start = world.Elapsed()

    try
        let! answer = call ()
        note instruments world name start None
        return answer
    with fault ->
        note instruments world name start (Some fault)
        return! Task.FromException<'answer> fault
}

let private watch (instruments: Instruments) world name (call: unit -> Task<'answer>) : Task<'answer> =
    if instruments.WatchesStore then
        timed instruments world name call
    else
        call ()

/// Decides with spans, which end when the transaction does.
let private traced (spans: DecisionSpans) (advance: unit -> Task<Advanced>) : Task<Advanced> = task {
    try
        let! advanced = advance ()
        spans.End None
        return advanced
    with fault ->
        spans.End(Some fault)
        return! Task.FromException<Advanced> fault
}

/// The outcome of a command belongs below the span that ran it.
let private below (spans: CommandSpans) (claimed: ClaimedCommand, result: CommandResult) =
    match spans.TraceOf claimed.Command with
    | Some trace -> { claimed with Trace = Some trace }, result
    | None -> claimed, result

let private noteUnrecorded (instruments: Instruments) given recorded =
    if recorded < given then
        instruments.Unrecorded.Add(int64 (given - recorded))

let private advance
    (instruments: Instruments)
    (commands: CommandSpans)
    (store: StorePort)
    (request: AdvanceRequest)
    decide
    : Task<Advanced> =
    if not (instruments.Source.HasListeners() || instruments.Unrecorded.Enabled) then
        store.Advance request decide
    else
        task {
            let request = {
                request with
                    Results = request.Results |> List.map (below commands)
            }

            let! advanced =
                if instruments.Source.HasListeners() then
                    let spans = DecisionSpans instruments.Source
                    traced spans (fun () -> store.Advance request (spans.Around decide))
                else
                    store.Advance request decide

            noteUnrecorded instruments request.Results.Length advanced.Recorded
            return advanced
        }

let private record
    (instruments: Instruments)
    (spans: CommandSpans)
    (store: StorePort)
    results
    now
    : Task<int> =
    if not (instruments.Source.HasListeners() || instruments.Unrecorded.Enabled) then
        store.Record results now
    else
        task {
            let! recorded = store.Record (results |> List.map (below spans)) now
            noteUnrecorded instruments results.Length recorded
            return recorded
        }

/// A try that ends just now may be among those that hold no lease any more.
let private keep (instruments: Instruments) (store: StorePort) held now lease : Task<int64 list> =
    if not instruments.LeasesLost.Enabled then
        store.KeepLeases held now lease
    else
        task {
            let! kept = store.KeepLeases held now lease

            if kept.Length < List.length held then
                instruments.LeasesLost.Add(int64 (held.Length - kept.Length))

            return kept
        }

let private fire (instruments: Instruments) (store: StorePort) most now : Task<CustomerKey list> =
    if not instruments.TimersFired.Enabled then
        store.FireTimers most now
    else
        task {
            let! fired = store.FireTimers most now

            if not fired.IsEmpty then
                instruments.TimersFired.Add(int64 fired.Length)

            return fired
        }

/// The store, watched. Where nobody listens, each call goes straight through.
let create (instruments: Instruments) (spans: CommandSpans) (world: World) (store: StorePort) : StorePort = {
    Receive = fun bodies -> watch instruments world "receive" (fun () -> store.Receive bodies)
    Advance =
        fun request decide ->
            watch instruments world "advance" (fun () -> advance instruments spans store request decide)
    Claim =
        fun service most now lease ->
            watch instruments world "claim" (fun () -> store.Claim service most now lease)
    KeepLeases =
        fun held now lease ->
            watch instruments world "keep leases" (fun () -> keep instruments store held now lease)
    Record =
        fun results now ->
            watch instruments world "record" (fun () -> record instruments spans store results now)
    FireTimers =
        fun most now -> watch instruments world "fire timers" (fun () -> fire instruments store most now)
    ReadStream = fun session -> watch instruments world "read stream" (fun () -> store.ReadStream session)
    Said = fun session message -> watch instruments world "said" (fun () -> store.Said session message)
    Accounting = fun () -> watch instruments world "accounting" store.Accounting
    Reserve =
        fun limits requests -> watch instruments world "reserve" (fun () -> store.Reserve limits requests)
    ReportService =
        fun state ->
            watch instruments world "report service" (fun () -> task { do! store.ReportService state })
    ServiceStates = fun () -> watch instruments world "service states" store.ServiceStates
    TakeProbe =
        fun service now next ->
            watch instruments world "take probe" (fun () -> store.TakeProbe service now next)
    ResumeMessages =
        fun service now ->
            watch instruments world "resume messages" (fun () -> task {
                do! store.ResumeMessages service now
            })
    TakeTemplate =
        fun customer lastHeard now ->
            watch instruments world "take template" (fun () -> store.TakeTemplate customer lastHeard now)
    GiveBackTemplate =
        fun customer ->
            watch instruments world "give back template" (fun () -> task {
                do! store.GiveBackTemplate customer
            })
    Forget = fun keep now most -> watch instruments world "forget" (fun () -> store.Forget keep now most)
}
