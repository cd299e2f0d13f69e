/// The accounting as a collector sees it.
module FunctionalBot.Tests.AccountGaugesTests

open System
open System.Threading
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Effects.Telemetry
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.Watching

let private never = CancellationToken.None

[<Fact>]
let ``gauges show the accounting as it was counted last, and nothing while the store is away`` () =
    let fault = ref Works
    let virtualWorld = VirtualWorld.create 3 start
    let world = virtualWorld.World
    let counts = ref 0

    let faultOf call =
        if call = Counting then
            counts.Value <- counts.Value + 1

        fault.Value

    let store = MemoryStore.create world (TimeSpan.FromSeconds 60.) faultOf
    use instruments = new Instruments()
    use watch = watch instruments
    let counting = AccountGauges.create instruments world store.Port
    Assert.Empty(watch.ReadGauges())

    // What a retry by hand takes back is no restart of the program, which a counter that falls is read as.
    let kinds = System.Collections.Generic.List<string * System.Type>()

    use listener =
        new System.Diagnostics.Metrics.MeterListener(
            InstrumentPublished =
                (fun instrument _ ->
                    if obj.ReferenceEquals(instrument.Meter, instruments.Meter) then
                        kinds.Add(instrument.Name, instrument.GetType()))
        )

    listener.Start()

    Assert.Contains(
        ("bot.inbox.ended", typeof<System.Diagnostics.Metrics.ObservableUpDownCounter<int64>>),
        kinds
    )

    let shown name attributes =
        watch.ReadGauges()
        |> List.filter (fun found -> found.Name = name && found.Attributes = attributes)
        |> List.map _.Value

    virtualWorld.Run(fun () -> task {
        do!
            store.Port.Deliver [
                bodyOf start [ textFrom "ES.1" "wamid.1" start "hola"; NothingToDo(None, "x", "x") ]
            ]

        use stop = new CancellationTokenSource()
        let working = counting stop.Token
        do! world.Delay (TimeSpan.FromSeconds 5.) never
        Assert.Equal<float list>([ 2. ], shown "bot.inbox.received" [])
        Assert.Equal<float list>([ 1. ], shown "bot.inbox.pending" [])
        Assert.Equal<float list>([ 1. ], shown "bot.inbox.ended" [ "bot.state=ignored" ])
        Assert.Equal<float list>([ 0. ], shown "bot.inbox.unaccounted" [])
        Assert.Equal<float list>([ 5. ], shown "bot.inbox.oldest" [])
        // However often somebody looks, it was counted once.
        Assert.Equal(1, counts.Value)

        let! _ = store.Port.Decide 10 (decideWith (world.Now()) (fun _ -> [ say "hola" ]))
        do! world.Delay (TimeSpan.FromSeconds 10.) never
        Assert.Equal<float list>([ 0. ], shown "bot.inbox.pending" [])
        Assert.Equal<float list>([ 1. ], shown "bot.commands" [ "bot.state=ready" ])
        // Nobody has tried it: it was queued ten seconds ago.
        Assert.Equal<float list>([ 10. ], shown "bot.commands.oldest" [ "bot.service=messaging" ])
        Assert.Equal<float list>([ 0. ], shown "bot.commands.oldest" [ "bot.service=ticketing" ])
        Assert.Equal<float list>([ 0. ], shown "bot.services.trouble" [ "bot.called=whatsapp" ])
        Assert.Equal<float list>([ 0. ], shown "bot.inbox.oldest" [])
        Assert.Equal(2, counts.Value)

        fault.Value <- FailsBefore
        do! world.Delay (TimeSpan.FromSeconds 10.) never
        Assert.Empty(watch.ReadGauges())
        fault.Value <- Works
        do! world.Delay (TimeSpan.FromSeconds 10.) never
        Assert.Equal<float list>([ 2. ], shown "bot.inbox.received" [])
        stop.Cancel()
        do! working
    })
