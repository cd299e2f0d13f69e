/// A node goes by PostgreSQL's clock, whatever its own says.
module FunctionalBot.Tests.DatabaseClockTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture

let private minutes (count: float) = TimeSpan.FromMinutes count

/// A node's clock, and a PostgreSQL that is ahead of it and whose answers take so long, there and back.
type private Pair = {
    Node: DateTimeOffset ref
    Ahead: TimeSpan ref
    There: TimeSpan ref
    Back: TimeSpan ref
}

let private pair ahead = {
    Node = ref start
    Ahead = ref ahead
    There = ref TimeSpan.Zero
    Back = ref TimeSpan.Zero
}

let private clockOf pair =
    DatabaseClock.create
        (fun now ->
            let asked = now ()
            pair.Node.Value <- pair.Node.Value + pair.There.Value
            let database = pair.Node.Value + pair.Ahead.Value
            pair.Node.Value <- pair.Node.Value + pair.Back.Value

            Task.FromResult {
                Asked = asked
                Database = database
                Answered = now ()
            })
        (worldOf (fun () -> pair.Node.Value))

[<Fact>]
let ``before the first measurement the node's clock is what there is`` () =
    let clock = clockOf (pair (minutes 7.))
    Assert.Equal(start, clock.World.Now())
    Assert.Equal(TimeSpan.Zero, clock.Offset())

[<Theory>]
[<InlineData(7.)>]
[<InlineData(-7.)>]
let ``a clock that is ahead or behind is put right, and stays so while time passes`` (ahead: float) : Task =
    task {
        let pair = pair (minutes ahead)
        pair.There.Value <- TimeSpan.FromMilliseconds 3.
        pair.Back.Value <- TimeSpan.FromMilliseconds 3.
        let clock = clockOf pair
        do! clock.Measure()
        Assert.Equal(minutes ahead, clock.Offset())
        pair.Node.Value <- pair.Node.Value + minutes 90.
        Assert.Equal(pair.Node.Value + minutes ahead, clock.World.Now())
        // Somebody sets the node's clock right.
        pair.Ahead.Value <- TimeSpan.Zero
        do! clock.Measure()
        Assert.Equal(pair.Node.Value, clock.World.Now())
    }

[<Fact>]
let ``a reading that took long, since the node was paused, does not spoil a good one`` () : Task = task {
    let pair = pair TimeSpan.Zero
    let clock = clockOf pair
    do! clock.Measure()
    pair.Back.Value <- minutes 5.
    do! clock.Measure()
    Assert.Equal(TimeSpan.Zero, clock.Offset())
    // As the first one it is better than nothing, and wrong by half of its round trip at most.
    let first = clockOf pair
    do! first.Measure()
    Assert.Equal(minutes -2.5, first.Offset())
}

[<Fact>]
let ``a clock that is set back during a reading makes that reading worthless`` () : Task = task {
    let pair = pair (minutes 1.)
    let clock = clockOf pair
    do! clock.Measure()
    pair.Back.Value <- minutes -3.
    do! clock.Measure()
    Assert.Equal(minutes 1., clock.Offset())
}

[<Fact>]
let ``the store reads PostgreSQL's own clock, and writes by it`` () : Task = task {
    use! bench = startBench ()

    let postgres =
        PostgresStore.create
            (Settings.ofConnectionString bench.Database.ConnectionString)
            FunctionalBot.Domain.Transition.evolve
            (worldOf (fun () -> start))

    do! postgres.Clock.Measure()
    do! postgres.Port.Deliver [ bodyOf start [ textFrom "ES.1" "wamid.1" start "hola" ] ]

    let! _ =
        postgres.Port.Decide 10 (decideWith (postgres.Clock.World.Now()) (fun _ -> [ say "hola" ]))

    // The node's clock stands still in another year, so that nothing of this is near by chance.
    let! near =
        bench.Database.Cell
            "SELECT count(*) FROM bot.outbox WHERE abs(extract(epoch FROM wake - clock_timestamp())) < 3600"

    Assert.Equal("1", near)
    do! postgres.Close()
}
