/// Where spans and metrics go. The variables are OpenTelemetry's own.
module FunctionalBot.Web.TelemetrySettings

open System
open FunctionalBot.Web.Setting

/// How a collector is spoken to.
type TelemetryProtocol =
    /// OTLP in protobuf over HTTP, usually on port 4318.
    | HttpProtobuf
    /// OTLP over gRPC, usually on port 4317.
    | Grpc

/// A collector of spans and metrics.
[<NoComparison>]
type TelemetryConfiguration = {
    /// Without the path of a signal.
    Endpoint: Uri
    Protocol: TelemetryProtocol
    /// "name=value,name=value": what the collector asks for, mostly a key. A secret.
    Headers: string option
    /// The name under which this bot is known there.
    ServiceName: string
    /// The share of traces that is kept, from 0 to 1.
    SampledShare: float
}

let private endpoint (source: Source) =
    address
        source
        "OTEL_EXPORTER_OTLP_ENDPOINT"
        ""
        "The collector's address, for example http://127.0.0.1:4318; leave it out to export nothing."

/// Reads OTEL_*. None where no collector is named: then nothing is listened to and nothing is exported.
let telemetry (source: Source) : Reading<TelemetryConfiguration option> =
    match source "OTEL_EXPORTER_OTLP_ENDPOINT" with
    | Error problems -> Error problems
    | Ok None -> Ok None
    | Ok(Some _) ->
        build
            (fun endpoint headers protocol name share ->
                Some {
                    Endpoint = endpoint
                    Protocol = protocol
                    Headers = headers
                    ServiceName = name
                    SampledShare = share
                })
            (endpoint source)
        |> apply (source "OTEL_EXPORTER_OTLP_HEADERS")
        |> apply (
            oneOf
                [ "http/protobuf", HttpProtobuf; "grpc", Grpc ]
                source
                "OTEL_EXPORTER_OTLP_PROTOCOL"
                HttpProtobuf
                "http/protobuf goes to port 4318 of most collectors, grpc to port 4317."
        )
        |> apply (withDefault source "OTEL_SERVICE_NAME" "functionalbot")
        |> apply (
            amount
                source
                "OTEL_TRACES_SAMPLER_ARG"
                1.
                (0., 1.)
                "The share of traces that is kept: 1 keeps all, 0.1 one in ten."
        )
