/// Spans and numbers of the store's calls and of single commands, and how little is done where nobody listens.
module FunctionalBot.Tests.WatchedPortsTests

open System
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Effects.Telemetry
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.Watching

let private never = CancellationToken.None
let private works _ = Works

[<Fact>]
let ``a result that came too late, and a store that is away, are counted`` () : Task = task {
    let fault = ref Works
    let clock = ref start
    let world = worldOf (fun () -> clock.Value)

    let store =
        MemoryStore.create world (TimeSpan.FromSeconds 60.) (fun _ -> fault.Value)

    use instruments = new Instruments()
    use watch = watch instruments
    let spans = CommandSpans()
    let port = WatchedStore.create instruments spans world store.Port
    do! port.Deliver [ bodyOf start [ textFrom "ES.1" "wamid.1" start "hola" ] ]
    let! _ = port.Decide 10 (decideWith start (fun _ -> [ say "hola" ]))
    let! claimed = port.Claim Messaging 10 start (TimeSpan.FromSeconds 30.)
    let result = claimed.Head, Done None
    let! recorded = port.Record [ result ] start
    Assert.Equal(1, recorded)
    Assert.Equal(0., watch.Sum "bot.command.unrecorded" [])

    let! kept = port.KeepLeases [ claimed.Head ] start (TimeSpan.FromSeconds 30.)

    Assert.Empty kept
    Assert.Equal(1., watch.Sum "bot.lease.lost" [])
    let! recorded = port.Record [ result ] start
    Assert.Equal(0, recorded)
    Assert.Equal(1., watch.Sum "bot.command.unrecorded" [])

    fault.Value <- FailsBefore

    let! _ =
        Assert.ThrowsAsync<StoreUnavailable>(fun () ->
            port.Claim Messaging 1 start (TimeSpan.FromSeconds 0.1) :> Task)

    let! _ = Assert.ThrowsAsync<StoreUnavailable>(fun () -> port.Deliver [])
    Assert.Equal(1., watch.Sum "bot.store.unavailable" [ "bot.call=claim" ])
    Assert.Equal(1., watch.Sum "bot.store.unavailable" [ "bot.call=receive" ])
}

[<Fact>]
let ``a decision that is not written is a failed span`` () : Task = task {
    let fault = ref Works
    let world = worldOf (fun () -> start)

    let store =
        MemoryStore.create world (TimeSpan.FromSeconds 60.) (fun _ -> fault.Value)

    use instruments = new Instruments()
    use watch = watch instruments
    let port = WatchedStore.create instruments (CommandSpans()) world store.Port

    do!
        port.Deliver [
            {
                bodyOf start [ textFrom "ES.1" "wamid.1" start "hola" ] with
                    Trace = Some "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            }
        ]

    // Everything happens, and the answer to the commit is lost.
    fault.Value <- FailsAfter

    let! _ =
        Assert.ThrowsAsync<StoreUnavailable>(fun () -> port.Decide 10 (decideAt start) :> Task)

    let span = Assert.Single watch.Spans
    Assert.Equal(ActivityStatusCode.Error, span.Status)
    Assert.Equal("b7ad6b7169203331", span.ParentSpanId.ToHexString())
}

[<Fact>]
let ``where nobody listens, calls go straight through`` () : Task = task {
    use instruments = new Instruments()
    let world = worldOf (fun () -> start)
    let store = MemoryStore.create world (TimeSpan.FromSeconds 60.) works
    let decide: CustomerWork -> CustomerDecision = decideAt start
    let given = ref Unchecked.defaultof<CustomerWork -> CustomerDecision>
    let answered: Task<Advanced> = TaskCompletionSource<Advanced>().Task

    let port =
        WatchedStore.create instruments (CommandSpans()) world {
            store.Port with
                Advance =
                    fun _ decide ->
                        given.Value <- decide
                        answered
        }

    let request = {
        Results = []
        Known = []
        Most = 1
        Room = Map.empty
        Lease = TimeSpan.FromSeconds 30.
    }

    Assert.Same(answered, port.Advance request decide)
    Assert.Same(decide, given.Value)
    let result = Task.FromResult(Done None)
    let spans = CommandSpans()
    let run = WatchedCommands.run instruments spans world (fun _ _ -> result)
    do! store.Port.Deliver [ bodyOf start [ textFrom "ES.1" "wamid.1" start "hola" ] ]
    let! _ = store.Port.Decide 10 (decideWith start (fun _ -> [ say "hola" ]))
    let! claimed = store.Port.Claim Messaging 10 start (TimeSpan.FromSeconds 30.)
    Assert.Same(result, run claimed.Head never)
    Assert.Equal(None, spans.TraceOf claimed.Head.Command)
}

[<Fact>]
let ``what follows from a message that the sampler left out is left out too`` () : Task = task {
    use instruments = new Instruments()
    let world = worldOf (fun () -> start)
    let spans = CommandSpans()
    let traces = ResizeArray<string option>()

    let run =
        WatchedCommands.run instruments spans world (fun claimed _ ->
            traces.Add(spans.TraceOf claimed.Command)
            Task.FromResult(Done None))

    let store = MemoryStore.create world (TimeSpan.FromSeconds 60.) works
    use watch = new Watch(instruments, ActivitySamplingResult.PropagationData)

    let trace =
        use span = instruments.Source.StartActivity("POST /webhook", ActivityKind.Server)
        Trace.ofActivity span

    Assert.EndsWith("-00", trace.Value)

    do!
        store.Port.Deliver [
            {
                bodyOf start [ textFrom "ES.1" "wamid.1" start "hola" ] with
                    Trace = trace
            }
        ]

    let! _ = store.Port.Decide 10 (decideWith start (fun _ -> [ say "hola" ]))
    let! claimed = store.Port.Claim Messaging 10 start (TimeSpan.FromSeconds 30.)
    let! _ = run claimed.Head never
    let follows = traces[0].Value
    Assert.Equal(trace.Value.Substring(0, 35), follows.Substring(0, 35))
    Assert.EndsWith("-00", follows)
    Assert.DoesNotContain("-01", trace.Value)
    Assert.All(watch.Spans, (fun span -> Assert.False span.Recorded))
}
