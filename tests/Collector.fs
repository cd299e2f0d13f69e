/// A collector of spans and metrics on loopback: takes OTLP in protobuf over HTTP and reads what it needs of it.
module FunctionalBot.Tests.Collector

open System
open System.Collections.Concurrent
open System.IO
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// A span that was exported.
type Span = {
    Scope: string
    Name: string
    /// In hexadecimal digits, as the parent's.
    Trace: string
    Id: string
    /// "" for the first of a trace.
    Parent: string
    /// 2 server, 3 client, 5 consumer.
    Kind: int
    Attributes: Map<string, string>
}

/// A metric that was exported.
type Metric = {
    Scope: string
    Name: string
    Unit: string
    /// The attributes of all its points.
    Attributes: (string * string) list
}

/// One request: its path, what it holds, and the key that came with it.
type Export = {
    Path: string
    Key: string
    Body: byte[]
}

/// A collector that listens.
[<NoComparison; NoEquality>]
type Collector = {
    Address: Uri
    Exports: unit -> Export list
    Stop: unit -> Task
}

/// Starts a collector that takes everything.
let start () : Task<Collector> = task {
    let exports = ConcurrentQueue<Export>()

    let handle (context: HttpContext) : Task = task {
        use buffer = new MemoryStream()
        do! context.Request.Body.CopyToAsync buffer

        exports.Enqueue {
            Path = string context.Request.Path
            Key = context.Request.Headers["x-key"].ToString()
            Body = buffer.ToArray()
        }

        context.Response.ContentType <- "application/x-protobuf"
    }

    let! running =
        Hosting.start 0 20_000_000L (fun app -> app.Run(RequestDelegate(fun context -> handle context)))

    return {
        Address = running.Address
        Exports = fun () -> List.ofSeq exports
        Stop = running.Stop
    }
}

/// AnyValue: text, truth, whole number or number.
let private valueOf (value: byte[]) =
    match Protobuf.fields value with
    | (1, Protobuf.Bytes text) :: _ -> Text.Encoding.UTF8.GetString text
    | (_, Protobuf.Number number) :: _ -> string number
    | (_, Protobuf.Fixed bytes) :: _ -> string (BitConverter.ToDouble bytes)
    | _ -> ""

let private attributes (field: int) (message: byte[]) : (string * string) list =
    Protobuf.every field message
    |> List.map (fun pair ->
        Protobuf.text 1 pair,
        (match Protobuf.every 2 pair with
         | value :: _ -> valueOf value
         | [] -> ""))

let private scopeName (scoped: byte[]) =
    match Protobuf.every 1 scoped with
    | scope :: _ -> Protobuf.text 1 scope
    | [] -> ""

/// What each scope of an export holds: (name of the scope, message).
let private inScopes (path: string) (exports: Export list) : (string * byte[]) list = [
    for export in exports do
        if export.Path = path then
            for resource in Protobuf.every 1 export.Body do
                for scoped in Protobuf.every 2 resource do
                    for item in Protobuf.every 2 scoped do
                        scopeName scoped, item
]

/// All spans that were exported.
let spans (exports: Export list) : Span list =
    inScopes "/v1/traces" exports
    |> List.map (fun (scope, span) -> {
        Scope = scope
        Name = Protobuf.text 5 span
        Trace = Protobuf.hex 1 span
        Id = Protobuf.hex 2 span
        Parent = Protobuf.hex 4 span
        Kind = int (Protobuf.number 6 span)
        Attributes = Map.ofList (attributes 9 span)
    })

/// All metrics that were exported.
let metrics (exports: Export list) : Metric list =
    let points (metric: byte[]) = [
        // Gauge, sum and histogram; the attributes of a point are field 7, of a histogram's point field 9.
        for field, ofPoint in [ 5, 7; 7, 7; 9, 9 ] do
            for data in Protobuf.every field metric do
                for point in Protobuf.every 1 data do
                    yield! attributes ofPoint point
    ]

    inScopes "/v1/metrics" exports
    |> List.map (fun (scope, metric) -> {
        Scope = scope
        Name = Protobuf.text 1 metric
        Unit = Protobuf.text 3 metric
        Attributes = points metric
    })
