/// A node goes by PostgreSQL's clock, whatever its own says.
module FunctionalBot.Tests.DatabaseClockTests

open System
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture

let private minutes (count: float) = TimeSpan.FromMinutes count

/// A node's clock and for how long it has run, and a PostgreSQL that is ahead of it and whose answers take so long,
/// there and back.
type private Pair = {
    Node: DateTimeOffset ref
    Ran: TimeSpan ref
    Ahead: TimeSpan ref
    There: TimeSpan ref
    Back: TimeSpan ref
}

let private pair ahead = {
    Node = ref start
    Ran = ref (minutes 3.)
    Ahead = ref ahead
    There = ref TimeSpan.Zero
    Back = ref TimeSpan.Zero
}

/// Time passes, for both clocks.
let private pass pair span =
    pair.Node.Value <- pair.Node.Value + span
    pair.Ran.Value <- pair.Ran.Value + span

/// Somebody moves the node's clock; PostgreSQL's stays what it is.
let private move pair span =
    pair.Node.Value <- pair.Node.Value + span
    pair.Ahead.Value <- pair.Ahead.Value - span

let private worldFor pair = {
    worldOf (fun () -> pair.Node.Value) with
        Elapsed = fun () -> pair.Ran.Value
}

let private askOf pair (elapsed: unit -> TimeSpan) =
    let asked = elapsed ()
    pass pair pair.There.Value
    let database = pair.Node.Value + pair.Ahead.Value
    pass pair pair.Back.Value

    Task.FromResult {
        Asked = asked
        Database = database
        Answered = elapsed ()
    }

let private clockOf pair =
    DatabaseClock.create (askOf pair) (worldFor pair)

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
        pass pair (minutes 90.)
        Assert.Equal(pair.Node.Value + minutes ahead, clock.World.Now())
        Assert.Equal(minutes ahead, clock.Offset())
    }

[<Theory>]
[<InlineData(30.)>]
[<InlineData(-30.)>]
let ``a clock that jumps between two measurements is not believed`` (jump: float) : Task = task {
    let pair = pair (minutes 1.)
    let clock = clockOf pair
    do! clock.Measure()
    let before = clock.World.Now()
    move pair (minutes jump)
    Assert.Equal(before, clock.World.Now())
    pass pair (minutes 2.)
    Assert.Equal(before + minutes 2., clock.World.Now())
    // Operators are told by how much it is off now.
    do! clock.Measure()
    Assert.Equal(minutes (1. - jump), clock.Offset())
    Assert.Equal(before + minutes 2., clock.World.Now())
}

[<Fact>]
let ``PostgreSQL is asked at once when the node's clock jumps, as after a sleep, and else every five seconds``
    ()
    : Task = task {
    let pair = pair TimeSpan.Zero
    let asked = ResizeArray<TimeSpan>()
    use stop = new CancellationTokenSource()
    let began = pair.Ran.Value

    // The machine sleeps from the twelfth second on, and its clock that nobody sets stands still.
    let delay span (_: CancellationToken) =
        pass pair span

        if pair.Ran.Value = began + TimeSpan.FromSeconds 12. then
            pair.Node.Value <- pair.Node.Value + minutes 5.

        Task.CompletedTask

    let clock =
        DatabaseClock.create
            (fun elapsed ->
                asked.Add(elapsed () - began)

                if asked.Count = 9 then
                    stop.Cancel()

                askOf pair elapsed)
            { worldFor pair with Delay = delay }

    do! clock.Keep ignore stop.Token
    Assert.Equal<float list>([ 5.; 10.; 12. ], [ for at in Seq.distinct asked -> at.TotalSeconds ])
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
let ``a clock that is set back during a reading does not spoil it`` () : Task = task {
    let pair = pair (minutes 1.)

    let clock =
        DatabaseClock.create
            (fun elapsed ->
                move pair (minutes -3.)
                askOf pair elapsed)
            (worldFor pair)

    let now = pair.Node.Value + minutes 1.
    do! clock.Measure()
    Assert.Equal(now, clock.World.Now())
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
