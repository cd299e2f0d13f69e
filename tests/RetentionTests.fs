/// What is deleted when it is old, what never is, and that nobody waits for it.
module FunctionalBot.Tests.RetentionTests

open System
open System.Threading
open System.Threading.Tasks
open Npgsql
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Effects.Memory
open FunctionalBot.Tests.StoreFixture

let private month = TimeSpan.FromDays 30.

let private account (bench: Bench) = task {
    let! account = bench.Store.Accounting()
    let ended = account.Ended |> Map.values |> Seq.sum
    Assert.Equal(account.Pending, account.Received - ended)
    return account
}

let private count (bench: Bench) table =
    bench.Database.Cell $"SELECT count(*) FROM bot.%s{table}"

/// One conversation: an entry that is applied, and two commands, of which the first is done.
let private chat (bench: Bench) customer id = task {
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom customer id bench.Now "hola" ] ]

    let! _ = bench.Store.Decide 10 (decideWith bench.Now (fun _ -> [ say "1"; say "2" ]))

    let! claimed = bench.Store.Claim Messaging 100 bench.Now (TimeSpan.FromDays 100.)

    let! _ =
        bench.Store.Record
            [
                for command in claimed do
                    if command.Command.Key.Session.Customer = CustomerId customer then
                        command, Done None
            ]
            bench.Now

    return ()
}

[<Fact>]
let ``what ended long ago goes, what is open or younger stays, and the accounting is what it was`` () : Task =
    task {
        use! bench = startBench ()
        do! chat bench "ES.1" "old"
        let old = bench.Now

        // A body that cannot be read.
        do!
            bench.Store.Deliver [
                {
                    bodyOf bench.Now [] with
                        Updates = Error "not JSON"
                }
            ]

        bench.Pass(TimeSpan.FromDays 31.)
        do! chat bench "ES.3" "young"
        // An entry that nobody has decided since.
        do! bench.Store.Deliver [ bodyOf old [ textFrom "ES.2" "waits" old "hola" ] ]
        let! before = account bench

        let! counters =
            bench.Database.Cell "SELECT count(*) FROM bot.tally WHERE day < '2026-11-10'"

        let! gone = bench.Store.Forget month bench.Now 5000
        // A body with its entry, one command that is done, and counters that became sums. What is dead stays.
        Assert.Equal(3 + int counters, gone)

        for table, rows in
            [
                "webhook", "3"
                "inbox", "3"
                "inbox_pending", "1"
                "inbox_end", "1"
                "outbox", "2"
                "command", "3"
                "command_end", "1"
            ] do
            let! left = count bench table
            Assert.Equal((table, rows), (table, left))

        let! lost =
            bench.Database.Cell "SELECT count(*) FROM bot.inbox_state WHERE state = 'lost'"

        Assert.Equal("0", lost)
        let! after = account bench
        Assert.Equal(before, after)
        let! again = bench.Store.Forget month bench.Now 5000
        Assert.Equal(0, again)

        // The old counters are one sum; the young ones are still by day.
        let! days = bench.Database.Cell "SELECT count(DISTINCT day) FROM bot.tally"
        Assert.Equal("2", days)

        // Events and sessions stay, and what waited can still be decided and said.
        let! events = bench.Database.Cell "SELECT count(*) FROM public.mt_events"
        Assert.Equal("2", events)
        let! ended = bench.Store.Decide 10 (decideWith bench.Now (fun _ -> []))
        Assert.Equal(1, ended)
        bench.Pass(TimeSpan.FromDays 100.)
        let! _ = bench.Store.Forget month bench.Now 5000
        // The lease of the old one ran out, and now it waits for a status; the other can be said.
        let! claimed = bench.Store.Claim Messaging 100 bench.Now (TimeSpan.FromSeconds 30.)
        Assert.Equal("ES.3", claimed.Head.Recipient.BusinessScopedId |> Option.get)

        let! waiting =
            bench.Database.Cell "SELECT string_agg(state, ',' ORDER BY state) FROM bot.outbox"

        Assert.Equal("running,unknown", waiting)
    }

[<Fact>]
let ``what is dead stays with all that running it again needs, until it was run or is wanted no more``
    ()
    : Task = task {
    use! bench = startBench ()

    let operations =
        OperationScenes.operationsWith bench (fun _ -> Ok [ textFrom "ES.2" "w2" bench.Now "hola" ])

    let unreadable = {
        bodyOf bench.Now [] with
            Updates = Error "not JSON"
    }

    // Of the first day: an entry on which every decision fails, a body that is not understood, and a send that is
    // refused for good. They are the oldest rows of their tables.
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.9" "poison" bench.Now "boom" ] ]

    for _ in 1..5 do
        let! _ = bench.Store.Decide 10 (fun _ -> invalidOp "boom")
        ()

    do! bench.Store.Deliver [ unreadable ]
    do! ask bench "ES.3" "w3" [ say "1" ]
    let! claimed = claim bench Messaging
    let! _ = record bench claimed.Head (GivenUp("refused", None))
    do! chat bench "ES.1" "goes"
    bench.Pass(TimeSpan.FromDays 31.)
    let! gone = bench.Store.Forget month bench.Now 5000
    Assert.True(gone > 0)
    do! OperationScenes.expectSound operations
    let! overview = operations.Overview()
    Assert.Equal(Some 2L, overview.Accounting.Ended.TryFind "dead")
    Assert.Equal(Some 1L, overview.Accounting.Commands.TryFind "dead")
    let! entries = operations.DeadInbound None
    Assert.Equal<int64 list>([ 1L; 2L ], entries)
    let! commands = operations.DeadOutbox None None
    Assert.Equal(1, commands.Length)

    for entry in entries do
        let! outcome = operations.RetryInbound OperationScenes.request entry
        OperationScenes.expectChanged outcome

    let! outcome =
        operations.RetryOutbox OperationScenes.request (ByNumber commands.Head)

    OperationScenes.expectChanged outcome
    do! OperationScenes.expectSound operations
    let! overview = operations.Overview()
    Assert.Equal(Some 0L, overview.Accounting.Ended.TryFind "dead")
    Assert.Equal(Some 0L, overview.Accounting.Commands.TryFind "dead")

    // Run again, they go as everything else; of a dropped one nothing is kept either.
    let! _ = bench.Store.Decide 10 (decideWith bench.Now (fun _ -> []))

    let! outcome =
        operations.CancelOutbox OperationScenes.request (ByNumber commands.Head)

    OperationScenes.expectChanged outcome

    let! outcome =
        operations.CancelOutbox OperationScenes.request (ByNumber commands.Head)

    OperationScenes.expectChanged outcome
    bench.Pass(TimeSpan.FromDays 62.)
    let! _ = bench.Store.Decide 10 (decideWith bench.Now (fun _ -> []))
    bench.Pass(TimeSpan.FromDays 31.)
    let! _ = bench.Store.Forget month bench.Now 5000

    let! left =
        bench.Database.Rows
            "SELECT (SELECT count(*) FROM bot.inbox), (SELECT count(*) FROM bot.command WHERE id = 1)"

    Assert.Equal<string list list>([ [ "0"; "0" ] ], left)
    do! OperationScenes.expectSound operations
}

[<Fact>]
let ``a repetition of what came less than eight days ago is a duplicate, however little is to be kept``
    ()
    : Task = task {
    use! bench = startBench ()
    let update = textFrom "ES.1" "wamid.1" bench.Now "hola"
    do! bench.Store.Deliver [ bodyOf bench.Now [ update ] ]
    let! _ = bench.Store.Decide 10 (decideWith bench.Now (fun _ -> []))
    bench.Pass(TimeSpan.FromDays 7.99)
    let! _ = bench.Store.Forget (TimeSpan.FromDays 1.) bench.Now 5000
    let! left = count bench "inbox"
    Assert.Equal("1", left)
    do! bench.Store.Deliver [ bodyOf bench.Now [ update ] ]
    let! known = account bench
    Assert.Equal(Some 1L, known.Ended.TryFind "duplicate")
    bench.Pass(TimeSpan.FromDays 0.02)
    let! gone = bench.Store.Forget (TimeSpan.FromDays 1.) bench.Now 5000
    Assert.True(gone > 0)
    let! left = count bench "inbox"
    Assert.Equal("0", left)
}

/// Many entries that ended 40 days ago, with bodies and commands.
let private manyOldRows (bench: Bench) rows =
    bench.Database.Execute
        $"INSERT INTO bot.webhook (received_at, sha256, verdict, body)
            SELECT '2026-09-20'::timestamptz + i * interval '1 ms', ''::bytea, 'read', repeat('x', 300)::bytea
            FROM generate_series(1, %d{rows}) i;
        INSERT INTO bot.inbox (source, source_id, webhook, at, received_at, ended)
            SELECT 'status', 'old ' || i, i, '2026-09-20', '2026-09-20'::timestamptz + i * interval '1 ms',
                CASE WHEN i %% 2 = 0 THEN 'settled' END FROM generate_series(1, %d{rows}) i;
        INSERT INTO bot.inbox_end (id, state, at)
            SELECT id, 'applied', received_at FROM bot.inbox WHERE ended IS NULL;
        INSERT INTO bot.command (key, channel, customer, session_ordinal, version, ordinal, kind, language,
                queued_at, payload)
            SELECT 'old ' || i, 'c', 'x', 1, i, 0, 'say', 'es', '2026-09-20'::timestamptz + i * interval '1 ms',
                '{{}}' FROM generate_series(1, %d{rows}) i;
        INSERT INTO bot.command_end (id, state, attempts, at)
            SELECT id, 'done', 1, queued_at FROM bot.command;
        INSERT INTO bot.tally VALUES ('2026-09-20', 'received', 1, %d{rows}), ('2026-09-20', 'settled', 2, %d{rows})"

[<Fact>]
let ``it goes in batches, by one node at a time, until nothing old is left`` () : Task = task {
    use! bench = startBench ()
    do! manyOldRows bench 1000
    let! first = bench.Store.Forget month bench.Now 100
    // A hundred bodies, entries and commands each, and the counters.
    Assert.Equal(302, first)
    let! left = count bench "inbox"
    Assert.Equal("900", left)

    let settings = {
        Retention.settingsFor month with
            Batch = 100
    }

    let world = worldOf (fun () -> bench.Now)
    let! rest = Retention.sweep settings world bench.Store CancellationToken.None
    Assert.Equal(2700L, rest)

    for table in [ "webhook"; "inbox"; "inbox_end"; "command"; "command_end" ] do
        let! left = count bench table
        Assert.Equal((table, "0"), (table, left))

    let! _ = account bench
    // While somebody else is at it, there is nothing to do.
    do! manyOldRows bench 10
    use other = new NpgsqlConnection(bench.Database.ConnectionString)
    do! other.OpenAsync()
    use lock' = new NpgsqlCommand("SELECT pg_advisory_lock(112030921684340)", other)
    let! _ = lock'.ExecuteNonQueryAsync()
    let! busy = bench.Store.Forget month bench.Now 100
    Assert.Equal(0, busy)
}

[<Fact>]
let ``no writer waits for a batch that is under way`` () : Task = task {
    use! bench = startBench ()
    do! manyOldRows bench 500
    do! chat bench "ES.1" "before"

    // The batch stops in its midst, with all its rows deleted and nothing committed, until the lock is free.
    do!
        bench.Database.Execute
            "CREATE FUNCTION bot.hold() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END';
            CREATE TRIGGER hold AFTER DELETE ON bot.tally FOR EACH STATEMENT EXECUTE FUNCTION bot.hold()"

    use holder = new NpgsqlConnection(bench.Database.ConnectionString)
    do! holder.OpenAsync()
    use hold = new NpgsqlCommand("SELECT pg_advisory_lock(4711)", holder)
    let! _ = hold.ExecuteNonQueryAsync()
    let forgetting = bench.Store.Forget month bench.Now 5000

    let mutable isHeld = false

    // A batch that fails first is told of below.
    while not isHeld && not forgetting.IsCompleted do
        let! waiting =
            bench.Database.Cell "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

        isHeld <- waiting = "1"

    do! chat bench "ES.2" "meanwhile"
    bench.Pass(TimeSpan.FromSeconds 1.)
    do! chat bench "ES.1" "meanwhile too"
    let! _ = bench.Store.FireTimers 100 bench.Now
    let! _ = account bench
    Assert.False forgetting.IsCompleted
    let! seen = count bench "inbox"
    Assert.Equal("503", seen)

    use release = new NpgsqlCommand("SELECT pg_advisory_unlock(4711)", holder)
    let! _ = release.ExecuteNonQueryAsync()
    let! gone = forgetting
    Assert.Equal(1502, gone)
    let! left = count bench "inbox"
    Assert.Equal("3", left)
}

[<Fact>]
let ``full buckets and what nodes told that are gone for a day are forgotten`` () : Task = task {
    use! bench = startBench ()

    do!
        bench.Database.Execute
            "INSERT INTO bot.pace VALUES ('1', '', now()), ('1', 'Ana', now() - interval '2 hours');
            INSERT INTO bot.service_state VALUES
                ('odoo', 'gone', 'paused', '2026-10-30', '502', '2026-10-30'),
                ('odoo', 'here', 'paused', '2026-10-30', '502', '2026-11-02 08:59'),
                ('odoo', 'ended well', 'working', '2026-10-30', NULL, NULL),
                ('odoo', 'new', 'working', '2026-11-02 08:00', NULL, NULL),
                ('whatsapp', '', 'stopped', '2026-10-01', 'token', '2026-10-01')"

    let! gone = bench.Store.Forget month bench.Now 5000
    Assert.Equal(3, gone)

    let! left =
        bench.Database.Cell "SELECT string_agg(node, ',' ORDER BY node) FROM bot.service_state"

    Assert.Equal(",here,new", left)
    let! buckets = bench.Database.Cell "SELECT string_agg(customer, ',') FROM bot.pace"
    Assert.Equal("", buckets)
}

[<Fact>]
let ``it is done every hour, tells how much went, and goes on after a fault`` () =
    let virtualWorld = VirtualWorld.create 5 start

    virtualWorld.Run(fun () -> task {
        let world = virtualWorld.World
        let asked = ResizeArray<TimeSpan * TimeSpan>()
        let told = ResizeArray<string>()
        use stop = new CancellationTokenSource()

        // The first sweep finds two batches, the second breaks off, the third finds nothing, the fourth ends it.
        let store = {
            (MemoryStore.create world (TimeSpan.FromSeconds 60.) (fun _ -> Works)).Port with
                Forget =
                    fun keep now _ ->
                        asked.Add(now - start, keep)

                        match asked.Count with
                        | 1 -> Task.FromResult 100
                        | 2 -> Task.FromResult 7
                        | 4 -> Task.FromException<int>(StoreUnavailable("away", TimeoutException()))
                        | 6 ->
                            stop.Cancel()
                            Task.FromResult 1
                        | _ -> Task.FromResult 0
        }

        do!
            Retention.run
                (Retention.settingsFor month)
                world
                store
                (fun rows -> told.Add $"%d{rows} rows")
                (fun _ -> told.Add "broke off")
                stop.Token

        let hours = [ for at, _ in asked -> int (at - fst asked[0]).TotalHours ]
        Assert.Equal<int list>([ 0; 0; 0; 1; 2; 3 ], hours)
        Assert.True(fst asked[0] <= TimeSpan.FromMinutes 5., $"%A{fst asked[0]}")
        Assert.All(asked, fun (_, keep) -> Assert.Equal(month, keep))
        Assert.Equal<string list>([ "107 rows"; "broke off"; "1 rows" ], List.ofSeq told)
    })
