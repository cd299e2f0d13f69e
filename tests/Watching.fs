/// Listens to the spans and the measurements of one set of instruments, and to nothing that other tests do at the
/// same time.
module FunctionalBot.Tests.Watching

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.Diagnostics.Metrics
open FunctionalBot.Effects.Telemetry

/// One measurement: the instrument's name, the value, and the attributes as name=value in order.
type Measured = {
    Name: string
    Value: float
    Attributes: string list
}

/// What was heard so far.
type Watch(instruments: Instruments, sampling: ActivitySamplingResult) =
    let spans = ConcurrentQueue<Activity>()
    let measured = ConcurrentQueue<Measured>()
    let spanListener = new ActivityListener()
    let meterListener = new MeterListener()

    let note
        (instrument: Instrument)
        (value: float)
        (tags: Collections.Generic.KeyValuePair<string, obj | null>[])
        =
        measured.Enqueue {
            Name = instrument.Name
            Value = value
            Attributes = [ for tag in tags -> $"%s{tag.Key}=%s{string tag.Value}" ]
        }

    do
        spanListener.ShouldListenTo <- fun source -> obj.ReferenceEquals(source, instruments.Source)
        spanListener.Sample <- SampleActivity<ActivityContext>(fun _ -> sampling)
        spanListener.ActivityStopped <- fun span -> spans.Enqueue span
        ActivitySource.AddActivityListener spanListener

        meterListener.InstrumentPublished <-
            fun instrument listener ->
                if obj.ReferenceEquals(instrument.Meter, instruments.Meter) then
                    listener.EnableMeasurementEvents instrument

        meterListener.SetMeasurementEventCallback<int64>(
            MeasurementCallback<int64>(fun instrument value tags _ ->
                note instrument (float value) (tags.ToArray()))
        )

        meterListener.SetMeasurementEventCallback<float>(
            MeasurementCallback<float>(fun instrument value tags _ -> note instrument value (tags.ToArray()))
        )

        meterListener.Start()

    /// Finished spans in the order of their ends.
    member _.Spans = List.ofSeq spans
    member _.Measured = List.ofSeq measured

    /// The sum of what was measured under a name with all of these attributes (name=value).
    member watch.Sum (name: string) (attributes: string list) : float =
        watch.Measured
        |> List.filter (fun found ->
            found.Name = name
            && attributes |> List.forall (fun wanted -> List.contains wanted found.Attributes))
        |> List.sumBy _.Value

    /// How often something was measured under a name.
    member watch.Count(name: string) : int =
        watch.Measured |> List.filter (fun found -> found.Name = name) |> List.length

    /// What the gauges show now: (name, attributes, value).
    member _.ReadGauges() : Measured list =
        let before = measured.Count
        meterListener.RecordObservableInstruments()
        measured |> Seq.skip before |> List.ofSeq

    interface IDisposable with
        member _.Dispose() =
            spanListener.Dispose()
            meterListener.Dispose()

/// Listens to everything.
let watch (instruments: Instruments) : Watch =
    new Watch(instruments, ActivitySamplingResult.AllDataAndRecorded)

/// Everything that a span carries, as text.
let textOf (span: Activity) : string =
    let tags =
        span.TagObjects
        |> Seq.map (fun tag -> $"%s{tag.Key}=%s{string tag.Value}")
        |> String.concat " "

    $"%s{span.DisplayName} %s{tags} %s{string span.StatusDescription} %s{string span.TraceStateString}"
