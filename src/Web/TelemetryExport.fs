/// Sends spans and metrics to a collector. Only this file knows OpenTelemetry.
module FunctionalBot.Web.TelemetryExport

open System
open System.Diagnostics
open OpenTelemetry
open OpenTelemetry.Exporter
open OpenTelemetry.Metrics
open OpenTelemetry.Resources
open OpenTelemetry.Trace
open FunctionalBot.Effects.Telemetry
open FunctionalBot.Web.TelemetrySettings

/// The HTTP calls of the adapters, from .NET itself. What they carry of an address is its path; queries are
/// masked there.
let private httpCalls = "System.Net.Http"

/// Meters beside the bot's own: the connection pool, and memory and threads of the process.
let private otherMeters = [| "Npgsql"; "System.Runtime" |]

let private target (settings: TelemetryConfiguration) (path: string) (options: OtlpExporterOptions) =
    match settings.Protocol with
    | HttpProtobuf ->
        options.Protocol <- OtlpExportProtocol.HttpProtobuf
        options.Endpoint <- Uri(settings.Endpoint.AbsoluteUri.TrimEnd '/' + path)
    | Grpc ->
        options.Protocol <- OtlpExportProtocol.Grpc
        options.Endpoint <- settings.Endpoint

    settings.Headers |> Option.iter (fun headers -> options.Headers <- headers)

/// Npgsql names its pool by the connection string: that stays here.
let private withoutPoolName (instrument: Diagnostics.Metrics.Instrument) : MetricStreamConfiguration | null =
    if instrument.Meter.Name = "Npgsql" then
        MetricStreamConfiguration(TagKeys = [| "db.client.connection.state" |])
    else
        null

/// Begins to listen and to export, in the background. Disposing sends what is left, for a few seconds at most.
/// A collector that is away costs what it misses, and nothing else.
let start (settings: TelemetryConfiguration) (version: string) : IDisposable =
    let resource =
        ResourceBuilder.CreateDefault().AddService(settings.ServiceName, serviceVersion = version)

    // Neither Meta nor anybody else is told the numbers of our traces.
    DistributedContextPropagator.Current <- DistributedContextPropagator.CreateNoOutputPropagator()

    let traces =
        Sdk
            .CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(Label.scope, httpCalls)
            .SetSampler(ParentBasedSampler(TraceIdRatioBasedSampler settings.SampledShare))
            .AddOtlpExporter(Action<OtlpExporterOptions>(target settings "/v1/traces"))
            .Build()

    let metrics =
        Sdk
            .CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter(Label.scope)
            .AddMeter(otherMeters)
            .AddView(Func<_, _> withoutPoolName)
            .AddOtlpExporter(Action<OtlpExporterOptions>(target settings "/v1/metrics"))
            .Build()

    {
        new IDisposable with
            member _.Dispose() =
                traces.Dispose()
                metrics.Dispose()
    }
