namespace FunctionalBot.Effects.Telemetry

open System
open System.Collections.Generic
open System.Diagnostics
open System.Diagnostics.Metrics
open FunctionalBot.Domain
open FunctionalBot.Effects

/// What things are called in spans and metrics. Nothing else of them goes there: what they hold is personal.
module Label =
    /// The name of the source of spans and of the meter.
    let scope = "FunctionalBot"

    /// The service that runs an action; "store" for timers.
    let serviceOf (action: Action) : string =
        match Service.ofAction action with
        | Some service -> Service.name service
        | None -> "store"

    /// The class of a result. A try that ended in an exception is "left": left to its lease.
    let ofResult (result: CommandResult) : string =
        match result with
        | Done _ -> "done"
        | RunAgain _ -> "again"
        | PutOff _ -> "put off"
        | Parked _ -> "parked"
        | AwaitCustomer _ -> "waiting"
        | GivenUp _ -> "given up"

    /// An attribute.
    let tag (name: string) (value: string) =
        KeyValuePair<string, obj | null>(name, value)

/// The source of spans and the meter of one process. An instrument that nobody listens to costs one look at a
/// field. Names, units and meanings are in docs/telemetry.md.
type Instruments() =
    let source = new ActivitySource(Label.scope)
    let meter = new Meter(Label.scope)

    let counter name unit description =
        meter.CreateCounter<int64>(name, unit, description)

    /// From a millisecond to a minute: a commit is at the lower end, an answer of a model at the upper one.
    let bounds = [|
        0.001
        0.0025
        0.005
        0.01
        0.025
        0.05
        0.1
        0.25
        0.5
        1.
        2.5
        5.
        10.
        30.
        60.
    |]

    let seconds name description =
        let advice = InstrumentAdvice<float>(HistogramBucketBoundaries = bounds)
        meter.CreateHistogram<float>(name, "s", description, Seq.empty, advice)

    let received =
        counter "bot.webhook.received" "{body}" "Webhook bodies by what became of them"

    let rejected =
        counter "bot.webhook.rejected" "{body}" "Webhook bodies with a wrong or missing signature"

    let acknowledged =
        seconds "bot.webhook.duration" "From a webhook's arrival to its answer"

    let formRequests =
        counter "bot.flow.received" "{request}" "Requests of the form's endpoint by what became of them"

    let formDuration =
        seconds "bot.flow.duration" "From the arrival of a form's request to its answer"

    let outcomes =
        counter "bot.command.outcomes" "{try}" "Tries of commands by how they ended"

    let duration = seconds "bot.command.duration" "How long one try of a command took"

    let wait =
        seconds "bot.command.wait" "From the queueing of a command to its first try"

    let unrecorded =
        counter "bot.command.unrecorded" "{result}" "Results that came too late to be recorded"

    let leasesLost =
        counter "bot.lease.lost" "{lease}" "Leases that were to be kept and were not held any more"

    let unavailable =
        counter "bot.store.unavailable" "{call}" "Calls of the store that the database did not serve"

    let storeCalls = seconds "bot.store.duration" "How long a call of the store took"
    let timersFired = counter "bot.timer.fired" "{timer}" "Timers that became due"

    /// Whoever listens to spans hears of them here.
    member _.Source = source
    member _.Meter = meter
    member _.Received = received
    member _.Rejected = rejected
    member _.Acknowledged = acknowledged
    member _.FormRequests = formRequests
    member _.FormDuration = formDuration
    member _.Outcomes = outcomes
    member _.Duration = duration
    member _.Wait = wait
    member _.Unrecorded = unrecorded
    member _.LeasesLost = leasesLost
    member _.Unavailable = unavailable
    member _.StoreCalls = storeCalls
    member _.TimersFired = timersFired

    /// Whether somebody listens to webhooks.
    member _.WatchesDoor =
        source.HasListeners()
        || received.Enabled
        || rejected.Enabled
        || acknowledged.Enabled

    /// Whether somebody listens to the form's endpoint.
    member _.WatchesForms =
        source.HasListeners() || formRequests.Enabled || formDuration.Enabled

    /// Whether somebody listens to commands.
    member _.WatchesCommands =
        source.HasListeners() || outcomes.Enabled || duration.Enabled || wait.Enabled

    /// Whether somebody listens to calls of the store.
    member _.WatchesStore =
        unavailable.Enabled
        || storeCalls.Enabled
        || unrecorded.Enabled
        || leasesLost.Enabled
        || timersFired.Enabled

    interface IDisposable with
        member _.Dispose() =
            source.Dispose()
            meter.Dispose()
