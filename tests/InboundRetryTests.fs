/// Putting entries back to be decided: nothing is decided twice, and the counters stay right.
module FunctionalBot.Tests.InboundRetryTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.OperationScenes

let private decideAll (bench: Bench) =
    bench.Store.Decide 10 (decideWith bench.Now (fun _ -> []))

/// Takes in a text on which every decision fails until it is dead; the entry's number.
let private takePoison (bench: Bench) : Task<int64> = task {
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "poison" bench.Now "boom" ] ]

    for _ in 1..5 do
        let! _ = bench.Store.Decide 10 (fun _ -> invalidOp "boom")
        ()

    let! id = bench.Database.Cell "SELECT id FROM bot.inbox WHERE source_id = 'poison'"
    return int64 id
}

let private unreadable (bench: Bench) : ReceivedBody = {
    Body = [| 1uy; 2uy |]
    At = bench.Now
    Trace = None
    Updates = Error "not JSON"
}

[<Fact>]
let ``a dead entry is put back, decided once, and cannot be put back again`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    let! id = takePoison bench
    let! dead = operations.DeadInbound None
    Assert.Equal<int64 list>([ id ], dead)
    // The counters are taken back on the day on which they were moved.
    bench.Pass(TimeSpan.FromDays 2.)
    let! outcome = operations.RetryInbound request id
    expectChanged outcome
    let! accounting = operations.Accounting()
    Assert.Equal(1L, accounting.Pending)
    Assert.Equal(Some 0L, accounting.Ended.TryFind "dead")
    do! expectSound operations
    let! again = operations.RetryInbound request id
    Assert.Contains("waits to be decided", expectNotAllowed again)
    let! ended = decideAll bench
    Assert.Equal(1, ended)
    let! third = operations.RetryInbound request id
    Assert.Contains("applied at version 1", expectNotAllowed third)
    let! events = bench.Database.Cell "SELECT count(*) FROM mt_events"
    Assert.Equal("1", events)
    do! expectSound operations

    let! below =
        bench.Database.Cell
            "SELECT count(*) FROM (SELECT 1 FROM bot.tally GROUP BY day, what HAVING sum(amount) < 0) s"

    Assert.Equal("0", below)
    let! audit = audit bench

    Assert.Equal<string list list>(
        [ [ "ana"; "inbound retry"; $"inbox %d{id}"; "the reader was mended" ] ],
        audit
    )
}

[<Fact>]
let ``a dry run says what it would do and changes nothing`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    let! id = takePoison bench
    let! before = contents bench
    let! outcome = operations.RetryInbound rehearsal id
    expectChanged outcome
    let! after = contents bench
    Assert.Equal(before, after)
    let! missing = operations.RetryInbound request 4711L
    Assert.Equal(NotFound, missing)
}

[<Fact>]
let ``dead entries that nobody wants are dropped with a reason, and are dead no more`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    let! decided = takePoison bench
    do! bench.Store.Deliver [ unreadable bench ]
    let! before = contents bench
    let! outcome = operations.DropInbound rehearsal decided
    expectChanged outcome
    let! after = contents bench
    Assert.Equal(before, after)
    bench.Pass(TimeSpan.FromDays 2.)
    let! dead = operations.DeadInbound None
    Assert.Equal<int64 list>([ decided; decided + 1L ], dead)

    for entry in dead do
        let! outcome = operations.DropInbound request entry
        expectChanged outcome

        for again in [ operations.DropInbound; operations.RetryInbound ] do
            let! outcome = again request entry
            Assert.Contains("dropped", expectNotAllowed outcome)

    let! accounting = operations.Accounting()
    Assert.Equal<Map<string, int64>>(Map [ "dead", 0L; "dropped", 2L ], accounting.Ended)
    do! expectSound operations
    let! shown = operations.ShowInbound(decided + 1L)
    Assert.Equal(Some "not JSON; dropped by hand: the reader was mended", shown.Value.Entry.Reason)
    let! missing = operations.DropInbound request 4711L
    Assert.Equal(NotFound, missing)
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.2" "w2" bench.Now "hola" ] ]
    let! pending = operations.DropInbound request (decided + 2L)
    Assert.Contains("pending", expectNotAllowed pending)
    let! audit = audit bench
    Assert.Equal<string list>([ "inbound drop"; "inbound drop" ], audit |> List.map (fun row -> row[1]))
}

[<Fact>]
let ``of two who put the same entry back at once, one does`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    let! id = takePoison bench
    let! outcomes = Task.WhenAll [ for _ in 1..4 -> operations.RetryInbound request id ]
    Assert.Equal(1, outcomes |> Array.filter _.IsChanged |> Array.length)
    let! audit = audit bench
    Assert.Equal(1, audit.Length)
    do! expectSound operations
}

[<Fact>]
let ``an entry that this build cannot read stays dead`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "w1" bench.Now "hola" ] ]
    do! bench.Database.Execute "UPDATE bot.inbox SET kind = 'from_the_future'"
    let! _ = decideAll bench
    let! outcome = operations.RetryInbound request 1L

    match outcome with
    | Unchanged why -> Assert.Contains("unknown to this version", why)
    | other -> failwith $"%A{other}"

    do! bench.Database.Execute "UPDATE bot.inbox SET kind = 'text_received'"
    let! outcome = operations.RetryInbound request 1L
    expectChanged outcome
    let! ended = decideAll bench
    Assert.Equal(1, ended)
    do! expectSound operations
}

[<Fact>]
let ``a body that nobody understood is read again, and what is in it is taken in once`` () : Task = task {
    use! bench = startBench ()
    do! bench.Store.Deliver [ unreadable bench ]
    let! nothing = (operationsOf bench).RetryInbound request 1L

    match nothing with
    | Unchanged why -> Assert.Contains("another language", why)
    | other -> failwith $"%A{other}"

    let updates = [
        textFrom "ES.1" "w1" bench.Now "hola"
        NothingToDo(None, "another field", "x")
        StatusCame(channel, MessageId "elsewhere", Sent, Some "not ours", bench.Now)
    ]

    let operations = operationsWith bench (fun _ -> Ok updates)
    let! dry = operations.RetryInbound rehearsal 1L
    expectChanged dry
    let! outcome = operations.RetryInbound request 1L
    Assert.Equal(Changed "its body was read again: 1 to be decided, 2 ended at once", outcome)
    do! expectSound operations
    let! states = inboxStates bench
    Assert.Equal<Map<string, int>>(Map [ "settled", 1; "pending", 1; "ignored", 2 ], states)
    let! bodies = bench.Database.Rows "SELECT verdict FROM bot.webhook"
    Assert.Equal<string list list>([ [ "read" ] ], bodies)
    let! ended = decideAll bench
    Assert.Equal(1, ended)
    let! again = operations.RetryInbound request 1L
    Assert.Contains("settled", expectNotAllowed again)
    do! expectSound operations
}

[<Fact>]
let ``what came by another way meanwhile is not decided a second time`` () : Task = task {
    use! bench = startBench ()
    do! bench.Store.Deliver [ unreadable bench ]
    let update = textFrom "ES.1" "w1" bench.Now "hola"
    // Meta sends it again in another body, which is understood.
    do! bench.Store.Deliver [ bodyOf bench.Now [ update ] ]
    let! _ = decideAll bench
    let operations = operationsWith bench (fun _ -> Ok [ update ])
    let! outcome = operations.RetryInbound request 1L
    Assert.Equal(Changed "its body was read again: 0 to be decided, 0 ended at once", outcome)
    let! ended = decideAll bench
    Assert.Equal(0, ended)
    let! accounting = operations.Accounting()
    Assert.Equal<Map<string, int64>>(Map [ "applied", 1L; "dead", 0L; "settled", 1L ], accounting.Ended)
    do! expectSound operations
}

[<Fact>]
let ``an entry of nobody gets its sender and keeps its number`` () : Task = task {
    use! bench = startBench ()

    let nobody: Person = {
        BusinessScopedId = None
        Phone = None
        Name = None
    }

    do! bench.Store.Deliver [ bodyOf bench.Now [ textOf nobody "w1" bench.Now "hola" ] ]
    let! states = inboxStates bench
    Assert.Equal<Map<string, int>>(Map [ "dead", 1 ], states)

    let unchanged =
        operationsWith bench (fun _ -> Ok [ textOf nobody "w1" bench.Now "hola" ])

    let! outcome = unchanged.RetryInbound request 1L
    Assert.True(outcome.IsUnchanged)

    let operations =
        operationsWith bench (fun _ -> Ok [ textFrom "ES.1" "w1" bench.Now "hola" ])

    let! outcome = operations.RetryInbound request 1L
    expectChanged outcome
    do! expectSound operations
    let! ended = decideAll bench
    Assert.Equal(1, ended)
    let! rows = bench.Database.Rows "SELECT id, state, customer FROM bot.inbox_state"
    Assert.Equal<string list list>([ [ "1"; "applied"; "ES.1" ] ], rows)
    do! expectSound operations
}

[<Fact>]
let ``an ignored part of a body is taken in when it is understood, beside what was decided long ago``
    ()
    : Task = task {
    use! bench = startBench ()

    let named name : Person = {
        BusinessScopedId = Some "ES.1"
        Phone = None
        Name = Some name
    }

    let old = textOf (named "Ana") "w1" bench.Now "hola"
    do! bench.Store.Deliver [ bodyOf bench.Now [ old; NothingToDo(None, "not understood", "{}") ] ]
    let! _ = decideAll bench
    do! bench.Store.Deliver [ bodyOf bench.Now [ textOf (named "Ana María") "w2" bench.Now "y otra cosa" ] ]
    let! _ = decideAll bench
    let! id = bench.Database.Cell "SELECT id FROM bot.inbox WHERE ended = 'ignored'"

    // Only what somebody else said is new: the old text brings back no old name.
    let operations =
        operationsWith bench (fun _ -> Ok [ old; textFrom "ES.2" "w3" bench.Now "estaba aquí" ])

    let! outcome = operations.RetryInbound request (int64 id)
    expectChanged outcome
    do! expectSound operations
    let! ended = decideAll bench
    Assert.Equal(1, ended)
    let! names = bench.Database.Rows "SELECT customer, name FROM bot.contact ORDER BY 1"
    Assert.Equal<string list list>([ [ "ES.1"; "Ana María" ]; [ "ES.2"; "Ana" ] ], names)
    let! events = bench.Database.Cell "SELECT count(*) FROM mt_events"
    Assert.Equal("3", events)
    do! expectSound operations
}

[<Fact>]
let ``the list narrows by state and time, and show has everything of one`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    let! _ = takePoison bench
    bench.Pass(TimeSpan.FromHours 1.)
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.2" "w2" bench.Now "hola" ] ]
    do! bench.Store.Deliver [ unreadable bench ]

    let list state since = task {
        let! entries =
            operations.ListInbound {
                State = state
                Since = since
                Limit = 10
            }

        return entries |> List.map (fun entry -> entry.Id, entry.State)
    }

    let! all = list None None
    Assert.Equal<(int64 * string) list>([ 3L, "dead"; 2L, "pending"; 1L, "dead" ], all)
    let! dead = list (Some "dead") None
    Assert.Equal<(int64 * string) list>([ 3L, "dead"; 1L, "dead" ], dead)
    let! pending = list (Some "pending") None
    Assert.Equal<(int64 * string) list>([ 2L, "pending" ], pending)
    let! recent = list (Some "dead") (Some bench.Now)
    Assert.Equal<(int64 * string) list>([ 3L, "dead" ], recent)
    let! since = operations.DeadInbound(Some bench.Now)
    Assert.Equal<int64 list>([ 3L ], since)
    let! shown = operations.ShowInbound 3L
    Assert.Equal(Some [| 1uy; 2uy |], shown.Value.Body)
    Assert.Equal(Some "not JSON", shown.Value.Entry.Reason)
    let! shown = operations.ShowInbound 1L
    Assert.Contains("boom", shown.Value.Fact.Value)
    Assert.Equal(Some bench.Now, shown.Value.EndedAt |> Option.map (fun at -> at.AddHours 1.))
    let! missing = operations.ShowInbound 4711L
    Assert.Equal(None, missing)
}
