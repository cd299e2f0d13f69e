module FunctionalBot.Tests.StoreAdvanceTests

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture

let private fold (events: Event list) =
    events |> List.fold Transition.evolve (Session.initial events.Head.Session)

let private eventsOf (bench: Bench) session : Task<Event list> = task {
    match! bench.Store.ReadStream session with
    | Ok events -> return events
    | Error problem -> return failwith $"%A{problem}"
}

[<Fact>]
let ``a conversation leaves stream, session, commands and timer that agree`` () : Task = task {
    use! bench = startBench ()

    for number, text in [ 1, "hola"; 2, "quiero abrir un ticket"; 3, "La taladradora no enciende" ] do
        do! converse bench "ES.1" $"wamid.%d{number}" text
        bench.Pass(TimeSpan.FromSeconds 5.)

    let session = sessionOf "ES.1" 1
    let! events = eventsOf bench session
    Assert.Equal<int64 list>([ 1L .. int64 events.Length ], events |> List.map _.Version)
    let! saved = bench.Database.Cell "SELECT data FROM bot.session"
    Assert.Equal(Ok(fold events), Json.read<Session> saved)

    let! rows =
        bench.Database.Rows
            "SELECT s.id, s.version, s.tenant_id, s.is_archived, s.type IS NULL, e.tenant_id, e.is_archived,
                e.bdata IS NULL, e.type, e.mt_dotnet_type
            FROM mt_streams s JOIN mt_events e ON e.stream_id = s.id ORDER BY e.seq_id"

    let version = string events.Length

    let first = [
        SessionId.text session
        version
        "*DEFAULT*"
        "False"
        "True"
        "*DEFAULT*"
        "False"
        "True"
    ]

    Assert.Equal<string list>(
        first
        @ [
            "session_opened"
            "FunctionalBot.Stored.SessionOpened, FunctionalBot.Effects"
        ],
        rows.Head
    )

    Assert.All(rows, fun row -> Assert.Equal<string list>(first, List.take 8 row))
    let! timers = bench.Database.Rows "SELECT stream, name FROM bot.timer"
    Assert.Equal<string list list>([ [ SessionId.text session; "idle" ] ], timers)

    let! contact =
        bench.Database.Rows "SELECT current_ordinal, language FROM bot.contact"

    Assert.Equal<string list list>([ [ "1"; "es" ] ], contact)
}

[<Fact>]
let ``entries of one customer come by time and then by arrival`` () : Task = task {
    use! bench = startBench ()
    let later = bench.Now.AddSeconds 10.

    do!
        bench.Store.Deliver [
            bodyOf bench.Now [
                textFrom "ES.1" "late" later "3"
                textFrom "ES.1" "a" bench.Now "1"
                textFrom "ES.1" "b" bench.Now "2"
            ]
        ]

    let order = ref []

    let! _ =
        bench.Store.Decide 10 (fun work ->
            order.Value <- work.Entries |> List.map _.SourceId
            decideWith bench.Now (fun _ -> []) work)

    Assert.Equal<string list>([ "a"; "b"; "late" ], order.Value)
}

[<Fact>]
let ``workers in parallel never hold the same customer, and nothing is decided twice`` () : Task = task {
    use! bench = startBench ()

    do!
        bench.Store.Deliver [
            for round in 1..10 do
                bodyOf bench.Now [
                    for customer in 1..30 ->
                        textFrom $"ES.%d{customer}" $"wamid.%d{customer}.%d{round}" bench.Now "hola"
                ]
        ]

    let held = ConcurrentDictionary<CustomerId, int>()
    let clashes = ref 0

    let worker () = task {
        let mutable total = 0
        let mutable idle = 0

        while idle < 3 do
            let mine = ResizeArray()

            let! ended =
                bench.Store.Decide 7 (fun work ->
                    if held.TryAdd(work.Customer.Id, 1) then
                        mine.Add work.Customer.Id
                    else
                        Interlocked.Increment clashes |> ignore

                    Thread.Yield() |> ignore

                    decideWith bench.Now (fun _ -> [ say "x" ]) {
                        work with
                            Entries = List.take 1 work.Entries
                    }
                    |> fun decision -> {
                        decision with
                            // Only the first is applied, so that the same customers are taken again and
                            // again.
                            Endings =
                                decision.Endings
                                @ (List.tail work.Entries
                                   |> List.map (fun entry -> entry.Id, Ignored "later"))
                    })

            for customer in mine do
                held.TryRemove customer |> ignore

            total <- total + ended
            idle <- if ended = 0 then idle + 1 else 0

        return total
    }

    let! totals = Task.WhenAll [ for _ in 1..4 -> Task.Run<int>(fun () -> worker ()) ]
    Assert.Equal(300, Array.sum totals)
    Assert.Equal(0, clashes.Value)
}

[<Fact>]
let ``an entry that cannot be decided dies after five tries while the others go on`` () : Task = task {
    use! bench = startBench ()

    do!
        bench.Store.Deliver [
            bodyOf bench.Now [
                textFrom "ES.1" "poison" bench.Now "boom"
                textFrom "ES.1" "behind" bench.Now "hola"
                textFrom "ES.2" "beside" bench.Now "hola"
            ]
        ]

    let decide (work: CustomerWork) =
        if work.Entries |> List.exists (fun entry -> entry.SourceId = "poison") then
            invalidOp "boom"

        decideWith bench.Now (fun _ -> []) work

    let! first = bench.Store.Decide 10 decide
    Assert.Equal(1, first)

    let! beside =
        bench.Database.Cell "SELECT state FROM bot.inbox_state WHERE source_id = 'beside'"

    Assert.Equal("applied", beside)

    for _ in 2..4 do
        let! ended = bench.Store.Decide 10 decide
        Assert.Equal(0, ended)

    let! last = bench.Store.Decide 10 decide
    Assert.Equal(1, last)

    let! dead =
        bench.Database.Rows "SELECT state, reason FROM bot.inbox_state WHERE source_id = 'poison'"

    Assert.Equal("dead", dead.Head.Head)
    Assert.Contains("boom", dead.Head[1])
    let! behind = bench.Store.Decide 10 decide
    Assert.Equal(1, behind)
}

[<Fact>]
let ``a decision that forgets an entry or a version is not written`` () : Task = task {
    use! bench = startBench ()
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "a" bench.Now "hola" ] ]

    let right work =
        decideWith bench.Now (fun _ -> [ say "x" ]) work

    let wrongs: (CustomerDecision -> CustomerDecision) list = [
        fun decision -> { decision with Endings = [] }
        fun decision -> { decision with Sessions = [] }
        fun decision -> {
            decision with
                Events = decision.Events |> List.map (fun event -> { event with Version = 2L })
        }
    ]

    for wrong in wrongs do
        let! ended = bench.Store.Decide 10 (right >> wrong)
        Assert.Equal(0, ended)

    let! written =
        bench.Database.Cell "SELECT (SELECT count(*) FROM mt_streams) + (SELECT count(*) FROM bot.command)"

    Assert.Equal("0", written)
    let! ended = bench.Store.Decide 10 right
    Assert.Equal(1, ended)
}

[<Fact>]
let ``when the last statement fails nothing of the transaction stays`` () : Task = task {
    use! bench = startBench ()
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "a" bench.Now "hola" ] ]
    do! bench.Database.Execute "ALTER TABLE mt_events ADD CONSTRAINT none CHECK (version < 0) NOT VALID"

    let! failed = bench.Store.Decide 10 (decideAt bench.Now)
    Assert.Equal(0, failed)
    let! problem = bench.Database.Rows "SELECT tries, problem FROM bot.inbox_pending"
    Assert.Equal<string list list>([ [ "1"; "PostgreSQL refuses what was to be written (23514)" ] ], problem)

    let! left =
        bench.Database.Rows
            "SELECT (SELECT count(*) FROM mt_streams), (SELECT count(*) FROM bot.session),
                (SELECT count(*) FROM bot.command), (SELECT count(*) FROM bot.outbox),
                (SELECT count(*) FROM bot.timer), (SELECT count(*) FROM bot.inbox_end),
                (SELECT count(*) FROM bot.inbox_pending)"

    Assert.Equal<string list list>([ [ "0"; "0"; "0"; "0"; "0"; "0"; "1" ] ], left)
    do! bench.Database.Execute "ALTER TABLE mt_events DROP CONSTRAINT none"
    let! ended = bench.Store.Decide 10 (decideAt bench.Now)
    Assert.Equal(1, ended)
}

[<Fact>]
let ``an event that another program appended meanwhile is read in and the decision is made anew`` () : Task =
    task {
        use! bench = startBench ()
        do! converse bench "ES.1" "wamid.1" "hola"
        let session = sessionOf "ES.1" 1
        let! before = eventsOf bench session
        do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "wamid.2" bench.Now "hola" ] ]

        let foreign =
            Codec.write bench.Now "elsewhere" (ReactionReceived(MessageId "r", MessageId "t", None))

        let stream = SessionId.text session
        let versions = ResizeArray()

        let append () =
            let next = before.Length + 1

            bench.Database.Execute
                $"UPDATE mt_streams SET version = %d{next} WHERE id = '%s{stream}';
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, timestamp, mt_dotnet_type)
            SELECT nextval('mt_events_sequence'), gen_random_uuid(), '%s{stream}', %d{next},
                '%s{foreign.Data}', '%s{foreign.Alias}', now(), '%s{foreign.DotnetType}'"

        let! ended =
            bench.Store.Decide 10 (fun work ->
                versions.Add((Option.get work.Current).Version)

                if versions.Count = 1 then
                    append().Wait()

                decideWith bench.Now (fun _ -> []) work)

        Assert.Equal(1, ended)
        Assert.Equal<int64 list>([ int64 before.Length; int64 before.Length + 1L ], List.ofSeq versions)
        let! after = eventsOf bench session
        Assert.Equal(before.Length + 2, after.Length)
    }

[<Fact>]
let ``a stream that never takes the events counts as a failure of its customer only`` () : Task = task {
    use! bench = startBench ()
    do! converse bench "ES.1" "wamid.1" "hola"
    do! converse bench "ES.2" "wamid.2" "hola"
    do! bench.Database.Execute "UPDATE mt_streams SET is_archived = true WHERE id LIKE '%ES.1/%'"

    do!
        bench.Store.Deliver [
            bodyOf bench.Now [
                textFrom "ES.1" "wamid.3" bench.Now "hola"
                textFrom "ES.2" "wamid.4" bench.Now "hola"
            ]
        ]

    let! ended = bench.Store.Decide 10 (decideWith bench.Now (fun _ -> []))
    Assert.Equal(1, ended)

    let! rows =
        bench.Database.Rows "SELECT source_id, state, reason FROM bot.inbox_state WHERE id > 2 ORDER BY id"

    Assert.Equal<string list>([ "wamid.3"; "pending" ], List.take 2 rows.Head)
    Assert.Contains("archived", rows.Head[2])
    Assert.Equal<string list>([ "wamid.4"; "applied"; "" ], rows[1])
}

[<Fact>]
let ``a saved session that cannot be read, is of another shape or is missing is rebuilt from its stream``
    ()
    : Task = task {
    use! bench = startBench ()
    do! converse bench "ES.1" "wamid.0" "hola"

    let inEnglish = "replace(data::text, '\"Spanish\"', '\"English\"')::json"

    for index, damage in
        List.indexed [
            "UPDATE bot.session SET data = '{\"Id\":1}'"
            "UPDATE bot.session SET shape = shape + 1, data = " + inEnglish
            "UPDATE bot.session SET version = version - 1, data = " + inEnglish
            "DELETE FROM bot.session"
        ] do
        let! events = eventsOf bench (sessionOf "ES.1" 1)
        do! bench.Database.Execute damage
        let seen = ref None
        let id = $"wamid.%d{index + 1}"
        do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" id bench.Now "hola" ] ]

        let! ended =
            bench.Store.Decide 10 (fun work ->
                seen.Value <- work.Current
                decideAt bench.Now work)

        Assert.Equal(1, ended)
        Assert.Equal(Some(fold events), seen.Value)
}

[<Fact>]
let ``a stream with an unknown type or a hole is a problem that names the place`` () : Task = task {
    use! bench = startBench ()
    do! converse bench "ES.1" "wamid.1" "hola"
    do! bench.Database.Execute "UPDATE mt_events SET type = 'policy_opened' WHERE version = 2"
    let! unknown = bench.Store.ReadStream(sessionOf "ES.1" 1)

    match unknown with
    | Error problem ->
        Assert.Equal(2L, problem.Version)
        Assert.Contains("'policy_opened'", problem.Problem)
    | Ok _ -> failwith "the unknown type was read"

    do! bench.Database.Execute "DELETE FROM mt_events WHERE version = 1"
    let! hole = bench.Store.ReadStream(sessionOf "ES.1" 1)
    Assert.True(Result.isError hole)
    let! nothing = bench.Store.ReadStream(sessionOf "ES.9" 1)
    Assert.Equal(Ok [], nothing)
}

[<Fact>]
let ``one who floods does not keep another waiting who is behind`` () : Task = task {
    use! bench = startBench ()

    do!
        bench.Store.Deliver [
            bodyOf bench.Now [ for number in 1..400 -> textFrom "ES.1" $"a%d{number}" bench.Now "hola" ]
            bodyOf bench.Now [ textFrom "ES.2" "b" bench.Now "hola" ]
        ]

    let! _ = bench.Store.Decide 2 (decideWith bench.Now (fun _ -> []))

    let! state =
        bench.Database.Cell "SELECT state FROM bot.inbox_state WHERE source_id = 'b'"

    Assert.Equal("applied", state)
}

[<Fact>]
let ``a transaction that began earlier and wrote later leaves times in the order of versions`` () : Task =
    task {
        use! bench = startBench ()
        do! converse bench "ES.1" "a1" "hola"
        do! ask bench "ES.2" "b1" [ say "uno" ]
        let! commands = claim bench Messaging

        let command =
            commands
            |> List.find (fun claimed -> claimed.Command.Key.Session.Customer = CustomerId "ES.2")

        use holder = new Npgsql.NpgsqlConnection(bench.Database.ConnectionString)
        do! holder.OpenAsync()
        use! transaction = holder.BeginTransactionAsync()

        use lockRow =
            new Npgsql.NpgsqlCommand(
                $"SELECT id FROM bot.outbox WHERE id = %d{command.Place} FOR UPDATE",
                holder,
                transaction
            )

        let! _ = lockRow.ExecuteNonQueryAsync()

        let late =
            bench.Store.Advance
                {
                    Results = [ command, Done None ]
                    Known = [
                        {
                            Channel = channel
                            Customer = CustomerId "ES.1"
                        }
                    ]
                    Most = 10
                    Room = Map.empty
                    Lease = lease
                }
                (decideAt bench.Now)

        do! bench.Database.SomebodyWaits(fun () -> false)
        do! converse bench "ES.1" "a2" "¿hola?"
        do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "a3" bench.Now "¿me oyen?" ] ]
        do! transaction.RollbackAsync()
        let! advanced = late
        Assert.Equal(1, advanced.Ended)

        let! disordered =
            bench.Database.Cell
                "SELECT count(*) FROM mt_events e JOIN mt_streams s ON s.id = e.stream_id
            WHERE e.timestamp > s.timestamp
                OR EXISTS (SELECT 1 FROM mt_events later WHERE later.stream_id = e.stream_id
                    AND later.version > e.version AND later.timestamp < e.timestamp)"

        Assert.Equal("0", disordered)
    }
