/// Replay and what-if against a database that the real engine filled, and then was damaged.
module FunctionalBot.Tests.ReplayTests

open System
open System.Threading.Tasks
open Npgsql
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Replay
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture

let private connect (bench: Bench) =
    RecordedStreams.connect bench.Database.ConnectionString 4

/// Replays everything, two batches at a time.
let private replayAll (source: NpgsqlDataSource) = task {
    let found = ref []
    let bad = ref []
    let streams = ref 0L

    do!
        StreamSweep.run
            source
            DateTimeOffset.UnixEpoch
            2
            (Replaying.replay source Transition.transition)
            (fun findings ->
                found.Value <- findings.Found @ found.Value
                bad.Value <- findings.Bad @ bad.Value
                streams.Value <- streams.Value + findings.Streams)

    return streams.Value, found.Value, bad.Value
}

/// Two customers who each have said hello and asked something, so that the assistant is being asked.
let private twoCustomers (bench: Bench) = task {
    for customer in [ "ES.1"; "ES.2" ] do
        do! converse bench customer (customer + "-1") "hola"
        do! converse bench customer (customer + "-2") "¿A qué hora abren los sábados?"
}

let private stream customer = SessionId.text (sessionOf customer 1)

[<Fact>]
let ``what the engine left is equal, also while it goes on`` () : Task = task {
    use! bench = startBench ()
    use source = connect bench
    do! twoCustomers bench
    let! streams, found, bad = replayAll source
    Assert.Equal(2L, streams)
    Assert.Empty found
    Assert.Empty bad

    // The streams move under the eyes of the replay; nothing of that is a difference.
    let talking = task {
        for number in 1..60 do
            for customer in [ "ES.1"; "ES.2" ] do
                do! converse bench customer $"%s{customer}-more-%d{number}" "¿Y los domingos?"
    }

    let rounds = ref 0

    while rounds.Value < 5 || not talking.IsCompleted do
        let! _, found, bad = replayAll source
        Assert.Empty found
        Assert.Empty bad
        rounds.Value <- rounds.Value + 1

    do! talking
}

let private damages: (string * string * (Difference -> bool)) list = [
    "another saved session",
    "UPDATE bot.session SET data = replace(data::text, '\"Spanish\"', '\"English\"')::json WHERE stream LIKE '%ES.1/%'",
    (function
    | SavedDiffers changes -> changes |> List.exists (fun change -> change.Field = "language")
    | _ -> false)

    "a saved session of another version",
    "UPDATE bot.session SET version = version - 1 WHERE stream LIKE '%ES.1/%'",
    (fun difference -> difference = SavedIsOfVersion(2L, 3L))

    "a saved session that cannot be read",
    "UPDATE bot.session SET data = '{\"Id\":1}' WHERE stream LIKE '%ES.1/%'",
    (function
    | SavedIsUnreadable _ -> true
    | _ -> false)

    "a command that is not there",
    "DELETE FROM bot.command WHERE customer = 'ES.1' AND kind = 'say'",
    (function
    | WasNotQueued command -> CommandKind.ofAction command.Action = "say"
    | _ -> false)

    "a command that is waited for and not open",
    "DELETE FROM bot.outbox WHERE customer = 'ES.1' AND service = 'assisting'",
    (function
    | IsNotOpen(_, why) -> why = "is neither open nor ended"
    | _ -> false)

    "a command that is waited for and dead",
    "WITH gone AS (DELETE FROM bot.outbox WHERE customer = 'ES.1' AND service = 'assisting' RETURNING id)
    INSERT INTO bot.command_end (id, state, attempts, reason, at)
    SELECT id, 'dead', 1, 'its payload cannot be read', now() FROM gone",
    (function
    | IsNotOpen(_, why) -> why = "ended dead: its payload cannot be read"
    | _ -> false)

    "a timer that is not set",
    "DELETE FROM bot.timer WHERE stream LIKE '%ES.1/%'",
    (function
    | TimerIsNotSet _ -> true
    | _ -> false)

    "a timer that is set for another time",
    "UPDATE bot.timer SET due_ticks = due_ticks + 10 WHERE stream LIKE '%ES.1/%'",
    (function
    | TimerIsNotSet(_, found) -> found.StartsWith "it is set for"
    | _ -> false)
]

[<Fact>]
let ``each kind of damage is named, for the stream that has it and no other`` () : Task = task {
    for name, sql, isIt in damages do
        use! bench = startBench ()
        use source = connect bench
        do! twoCustomers bench
        do! bench.Database.Execute sql
        let! streams, found, bad = replayAll source
        Assert.Equal(2L, streams)
        Assert.Empty bad

        match found with
        | [ damaged, [ difference ] ] ->
            Assert.Equal(stream "ES.1", damaged)
            Assert.True(isIt difference, $"%s{name}: %A{difference}")
        | other -> failwith $"%s{name}: %A{other}"
}

[<Fact>]
let ``an outcome or a timer that waits to be decided is no difference, and one that ended dead is``
    ()
    : Task = task {
    use! bench = startBench ()
    use source = connect bench
    do! twoCustomers bench
    let! claimed = bench.Store.Claim Assisting 1 bench.Now (TimeSpan.FromSeconds 30.)
    let question = claimed.Head

    let turn =
        match question.Command.Action with
        | AskAssistant asked -> asked.Turn
        | other -> failwith $"%A{other}"

    let answered = AssistantFailed(turn, Primary, "down")
    let! _ = bench.Store.Record [ question, Done(Some answered) ] bench.Now
    bench.Pass(TimeSpan.FromMinutes 31.)
    let! fired = bench.Store.FireTimers 10 bench.Now
    Assert.Equal(2, fired.Length)
    let! _, found, bad = replayAll source
    Assert.Empty bad
    Assert.Equal<(string * Difference list) list>([], found)

    // As five failures of the decision leave it.
    do! bench.Database.Execute "DELETE FROM bot.inbox_pending WHERE customer = 'ES.1'"
    let! _, found, _ = replayAll source

    match found with
    | [ damaged, differences ] ->
        Assert.Equal(stream "ES.1", damaged)
        Assert.Equal(2, differences.Length)
    | other -> failwith $"%A{other}"
}

/// How each kind of broken stream is made of ES.1's, the version at which it breaks, and what is said of it.
let private breaks: (string * int64 * string) list = [
    "UPDATE mt_events SET type = 'tide_turned' WHERE version = 2 AND stream_id LIKE '%ES.1/%'",
    2L,
    "'tide_turned'"
    "DELETE FROM mt_events WHERE version = 2 AND stream_id LIKE '%ES.1/%'", 2L, "hole"
    "UPDATE mt_events SET data = '[1]' WHERE version = 2 AND stream_id LIKE '%ES.1/%'", 2L, "'text_received'"
    "UPDATE mt_events SET data = data - 'Message' WHERE version = 2 AND stream_id LIKE '%ES.1/%'",
    2L,
    "'text_received'"
    "UPDATE mt_events SET bdata = '\\x01' WHERE version = 2 AND stream_id LIKE '%ES.1/%'", 2L, "bdata"
    "UPDATE mt_streams SET version = version + 1 WHERE id LIKE '%ES.1/%'", 4L, "fold to another"
    "UPDATE mt_streams SET version = NULL WHERE id LIKE '%ES.1/%'", 4L, "fold to another"
    "UPDATE mt_events SET is_archived = true WHERE version = 2 AND stream_id LIKE '%ES.1/%'", 2L, "hole"
    "UPDATE mt_events SET is_archived = NULL WHERE version = 2 AND stream_id LIKE '%ES.1/%'", 2L, "hole"
    "UPDATE mt_streams SET is_archived = true WHERE id LIKE '%ES.1/%'", 3L, "archived"
    "UPDATE mt_streams SET is_archived = NULL WHERE id LIKE '%ES.1/%'", 3L, "archived"
]

let private standsTwice =
    "DROP INDEX pk_mt_events_stream_and_version; "
    + "INSERT INTO mt_events (seq_id, id, stream_id, version, data, type)
    SELECT nextval('mt_events_sequence'), gen_random_uuid(), stream_id, version, data, type
    FROM mt_events WHERE version = 2 AND stream_id LIKE '%ES.1/%'"

[<Fact>]
let ``each kind of broken stream is told with stream and version, and the next ones are replayed`` () : Task =
    task {
        for sql, version, words in breaks @ [ standsTwice, 3L, "twice" ] do
            use! bench = startBench ()
            use source = connect bench
            do! twoCustomers bench
            do! bench.Database.Execute sql
            let! streams, found, bad = replayAll source
            Assert.Equal(2L, streams)
            Assert.Empty found
            let problem = Assert.Single bad
            Assert.Equal(stream "ES.1", problem.Stream)
            Assert.Equal(version, problem.Version)
            Assert.Contains(words, problem.Problem)

            let! would =
                Replaying.whatIf source Transition.transition [| stream "ES.1"; stream "ES.2" |]

            Assert.Empty would.Found
            Assert.Equal<StreamProblem list>([ problem ], would.Bad)
    }

/// Both write again, ES.1's saved session gone, so that its stream has to be folded.
let private writeAgain (bench: Bench) (customers: string list) = task {
    do! bench.Database.Execute "DELETE FROM bot.session WHERE stream LIKE '%ES.1/%'"

    do!
        bench.Store.Deliver [
            bodyOf bench.Now [
                for customer in customers -> textFrom customer (customer + "-3") bench.Now "gracias"
            ]
        ]

    let! ended = bench.Store.Decide 10 (decideAt bench.Now)
    return ended
}

[<Fact>]
let ``the engine refuses only the session of a broken stream, and says where it breaks`` () : Task = task {
    for sql, version, words in breaks do
        use! bench = startBench ()
        do! twoCustomers bench
        do! bench.Database.Execute sql
        let! ended = writeAgain bench [ "ES.1"; "ES.2" ]
        Assert.Equal(1, ended)

        let! rows =
            bench.Database.Rows
                "SELECT state, coalesce(reason, '') FROM bot.inbox_state WHERE source_id LIKE '%-3' ORDER BY source_id"

        Assert.Equal("pending", rows[0][0])
        Assert.Contains($"at version %d{version}", rows[0][1])
        Assert.Contains(words, rows[0][1])
        Assert.Equal("applied", rows[1][0])
}

[<Fact>]
let ``the engine refuses a stream in which a version stands twice`` () : Task = task {
    use! bench = startBench ()
    do! twoCustomers bench
    // Without this index nothing can be appended to any stream, so only the refusal is looked at.
    do! bench.Database.Execute standsTwice
    let! ended = writeAgain bench [ "ES.1" ]
    Assert.Equal(0, ended)

    let! reason = bench.Database.Cell "SELECT problem FROM bot.inbox_pending"

    Assert.Contains("version 2 stands twice", reason)
}

/// Does all that speaks to the customer.
let private sayAll (bench: Bench) (customer: string) : Task = task {
    let mutable more = true

    while more do
        let! claimed = bench.Store.Claim Messaging 100 bench.Now (TimeSpan.FromSeconds 1.)

        let own =
            claimed
            |> List.filter (fun command -> command.Command.Key.Session.Customer = CustomerId customer)

        let! _ = bench.Store.Record [ for command in own -> command, Done None ] bench.Now
        more <- not own.IsEmpty
}

let private month = TimeSpan.FromDays 30.

[<Fact>]
let ``commands that retention deleted are missed by nobody, whatever older ones are still open`` () : Task =
    task {
        use! bench = startBench ()
        use source = connect bench
        let names = [| stream "ES.1"; stream "ES.2" |]
        // The oldest command of all is never done; what was asked for days later is done at once.
        do! converse bench "ES.1" "ES.1-1" "hola"
        bench.Pass(TimeSpan.FromDays 5.)
        do! converse bench "ES.2" "ES.2-1" "hola"
        do! sayAll bench "ES.2"
        bench.Pass(TimeSpan.FromDays 31.)
        let! gone = bench.Store.Forget month bench.Now 5000
        Assert.True(gone > 0)

        let! kept =
            bench.Database.Rows "SELECT customer, count(*) > 0 FROM bot.command GROUP BY customer"

        Assert.Equal<string list list>([ [ "ES.1"; "True" ] ], kept)
        let! _, found, bad = replayAll source
        Assert.Equal<(string * Difference list) list>([], found)
        Assert.Empty bad
        let! would = Replaying.whatIf source Transition.transition names
        Assert.Equal<(string * Parting) list>([], would.Found)

        // What is kept of those days is compared all the same.
        do!
            bench.Database.Execute
                "UPDATE bot.command SET payload = replace(payload::text, '\"Spanish\"', '\"English\"')::json
            WHERE kind = 'say'"

        let! would = Replaying.whatIf source Transition.transition names
        Assert.Equal<string list>([ stream "ES.1" ], List.map fst would.Found)

        // And what was asked for since then is missed.
        do! converse bench "ES.2" "ES.2-2" "¿A qué hora abren los sábados?"
        do! bench.Database.Execute "DELETE FROM bot.command WHERE customer = 'ES.2' AND kind = 'mark-read'"
        let! _, found, _ = replayAll source
        Assert.Equal<string list>([ stream "ES.2" ], List.map fst found)
    }

[<Fact>]
let ``a bot that was quiet for longer than anything is kept replays as equal`` () : Task = task {
    use! bench = startBench ()
    use source = connect bench

    for customer in [ "ES.1"; "ES.2" ] do
        do! converse bench customer (customer + "-1") "hola"
        do! sayAll bench customer

    bench.Pass(TimeSpan.FromDays 31.)
    let! _ = bench.Store.Forget month bench.Now 5000
    let! left = bench.Database.Cell "SELECT count(*) FROM bot.command"
    Assert.Equal("0", left)
    let! _, found, bad = replayAll source
    Assert.Equal<(string * Difference list) list>([], found)
    Assert.Empty bad

    let! would =
        Replaying.whatIf source Transition.transition [| stream "ES.1"; stream "ES.2" |]

    Assert.Equal<(string * Parting) list>([], would.Found)
}

[<Fact>]
let ``a changed step names exactly the sessions concerned`` () : Task = task {
    use! bench = startBench ()
    use source = connect bench

    for number in 1..12 do
        let customer = $"ES.%d{number}"
        do! converse bench customer (customer + "-1") "hola"

        if number % 4 = 0 then
            do! converse bench customer (customer + "-2") "quiero abrir un ticket"

    /// Tickets begin without a word.
    let silent session event =
        let next, commands = Transition.transition session event

        match session.Phase, next.Phase with
        | Conversing _, TicketCreation _ -> next, []
        | _ -> next, commands

    let ask step = task {
        let named = ref []

        do!
            StreamSweep.run source DateTimeOffset.UnixEpoch 2 (Replaying.whatIf source step) (fun findings ->
                Assert.Empty findings.Bad
                named.Value <- findings.Found @ named.Value)

        return List.sortBy fst named.Value
    }

    let! none = ask Transition.transition
    Assert.Equal<(string * Parting) list>([], none)
    let! named = ask silent

    Assert.Equal<string list>(
        List.sort [ for customer in [ "ES.4"; "ES.8"; "ES.12" ] -> stream customer ],
        named |> List.map fst
    )

    for _, parting in named do
        Assert.Equal(3L, parting.At)
        Assert.Empty parting.State

    // What is queued behind the last place that this build would ask for is seen too.
    do!
        bench.Database.Execute
            "INSERT INTO bot.command (key, channel, customer, session_ordinal, version, ordinal, kind, language,
                queued_at, payload)
            SELECT regexp_replace(key, '/2/0$', '/2/5'), channel, customer, session_ordinal, version, 5, kind,
                language, queued_at, payload FROM bot.command WHERE key LIKE '%ES.1/1/2/0'"

    let! named = ask Transition.transition

    match named with
    | [ found,
        {
            At = 2L
            Commands = [ WouldBeLeftOut left ]
        } ] ->
        Assert.Equal(stream "ES.1", found)
        Assert.EndsWith("/2/5", left.Key)
    | other -> failwith $"%A{other}"
}

[<Fact>]
let ``the kinds of commands are those of the store`` () : Task = task {
    use! bench = startBench ()

    let customer: Customer = {
        Id = CustomerId "ES.1"
        Phone = None
        Name = None
    }

    let actions = [
        say "hola"
        MarkRead(MessageId "wamid.1")
        AskAssistant {
            Turn = 1L
            Assistant = Primary
            Hint = None
            Language = Spanish
            Message = None
        }
        LookUpTickets customer
        AddToTicket(
            {
                Session = sessionOf "ES.1" 1
                Version = 1L
                Ordinal = 0
            },
            "nota"
        )
        SetTimer(IdleTimer, bench.Now)
        CancelTimer QuietTimer
    ]

    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "wamid.1" bench.Now "hola" ] ]
    let! _ = bench.Store.Decide 10 (decideWith bench.Now (fun _ -> actions))
    let! rows = bench.Database.Rows "SELECT kind FROM bot.command ORDER BY ordinal"

    Assert.Equal<string list>(
        actions |> List.filter CommandKind.isQueued |> List.map CommandKind.ofAction,
        List.concat rows
    )
}

[<Fact>]
let ``a sweep meets every stream once, whatever the batches, and only those that took an event since``
    ()
    : Task = task {
    use! bench = startBench ()
    use source = connect bench

    // More than one page, of streams that are long enough for several batches.
    do!
        bench.Database.Execute
            "INSERT INTO mt_streams (id, version, timestamp)
            SELECT 'session/whatsapp-1/ES.' || n || '/1', 1 + n % 400,
                CASE WHEN n % 10 = 0 THEN timestamptz '2026-01-01Z' ELSE timestamptz '2020-01-01Z' END
            FROM generate_series(1, 4500) n;
            INSERT INTO mt_streams (id, version) VALUES ('somebody-else/1', 1)"

    let sweep since = task {
        let met = ResizeArray<string>()

        do!
            StreamSweep.run source since 3 (fun names -> Task.FromResult names) (fun names ->
                met.AddRange names)

        Assert.Equal(met.Count, (Seq.distinct met |> Seq.length))
        return met.Count
    }

    let! all = sweep DateTimeOffset.UnixEpoch
    Assert.Equal(4500, all)
    let! recent = sweep (DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero))
    Assert.Equal(450, recent)

    // A fault of the work comes out, and the sweep ends.
    let! fault =
        Assert.ThrowsAsync<InvalidOperationException>(fun () ->
            StreamSweep.run
                source
                DateTimeOffset.UnixEpoch
                3
                (fun _ -> Task.FromException<int>(InvalidOperationException "as asked"))
                ignore)

    Assert.Equal("as asked", fault.Message)
}
