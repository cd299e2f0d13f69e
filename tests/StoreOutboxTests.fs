module FunctionalBot.Tests.StoreOutboxTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture

let private status (bench: Bench) (command: ClaimedCommand) message status =
    bench.Store.Deliver [
        bodyOf bench.Now [
            StatusCame(
                channel,
                MessageId message,
                status,
                Some(CommandKey.text command.Command.Key),
                bench.Now
            )
        ]
    ]

let private commands (bench: Bench) = task {
    let! account = bench.Store.Accounting()
    return account.Commands
}

let private ticket: Action =
    let unpack result =
        match result with
        | Ok value -> value
        | Error(problem: FieldProblem) -> failwith $"%A{problem}"

    CreateTicket(
        {
            Purpose = Support
            Title = unpack (TicketTitle.create "Taladradora rota")
            Description = unpack (TicketDescription.create "No enciende")
            Email = None
            Files = None
        },
        {
            Id = CustomerId "ES.1"
            Phone = None
            Name = None
        }
    )

[<Fact>]
let ``what one customer is told goes out in order and one at a time, others beside it`` () : Task = task {
    use! bench = startBench ()
    do! ask bench "ES.1" "w1" [ say "1"; say "2" ]
    do! ask bench "ES.1" "w2" [ say "3" ]
    do! ask bench "ES.2" "w3" [ say "other" ]
    let! first = claim bench Messaging
    Assert.Equal<string list>([ "1"; "other" ], words first)
    let! none = claim bench Messaging
    Assert.Empty none
    // Waiting for its next try, the older one still blocks the younger ones, of this customer only.
    let! _ = record bench first[0] (RunAgain(bench.Now.AddSeconds 10., "busy", None))
    let! none = claim bench Messaging
    Assert.Empty none
    bench.Pass(TimeSpan.FromSeconds 10.)
    let! again = claim bench Messaging
    Assert.Equal<string list>([ "1" ], words again)
    Assert.Equal(2, again.Head.Attempt)
    Assert.Equal(Some "ES.1", again.Head.Recipient.BusinessScopedId)
    let! _ = record bench again.Head (Done None)
    let! second = claim bench Messaging
    Assert.Equal<string list>([ "2" ], words second)
    let! _ = record bench second.Head (GivenUp("refused", None))
    let! third = claim bench Messaging
    Assert.Equal<string list>([ "3" ], words third)
}

[<Fact>]
let ``services claim their own, and claims at the same moment share nothing`` () : Task = task {
    use! bench = startBench ()

    for customer in 1..20 do
        do! ask bench $"ES.%d{customer}" $"w%d{customer}" [ say "a"; say "b"; ticket ]

    let! claims =
        Task.WhenAll [ for _ in 1..4 -> bench.Store.Claim Messaging 100 bench.Now lease ]

    let all = List.concat claims
    Assert.Equal(20, all.Length)
    Assert.All(words all, fun text -> Assert.Equal("a", text))
    let! tickets = claim bench Ticketing
    Assert.Equal(20, tickets.Length)
    let! nothing = claim bench Assisting
    Assert.Empty nothing
}

[<Fact>]
let ``a result counts once, and only for the try that ran last`` () : Task = task {
    use! bench = startBench ()
    do! ask bench "ES.1" "w1" [ ticket ]
    let! first = claim bench Ticketing
    bench.Pass(lease + TimeSpan.FromSeconds 1.)
    // The lease of a ticket's creation ran out: it is handed out again at once, since its key makes it
    // harmless.
    let! second = claim bench Ticketing
    Assert.Equal(2, second.Head.Attempt)
    let key = second.Head.Command.Key
    let created = TicketCreated(key, { Id = 1L; Number = "HT1" })
    let! late = record bench first.Head (Done(Some created))
    Assert.Equal(0, late)
    let! recorded = record bench second.Head (Done(Some created))
    Assert.Equal(1, recorded)
    let! twice = record bench second.Head (Done(Some created))
    Assert.Equal(0, twice)

    let! rows =
        bench.Database.Rows "SELECT source_id, session FROM bot.inbox WHERE source = 'command'"

    Assert.Equal<string list list>([ [ CommandKey.text key; SessionId.text key.Session ] ], rows)
    let! states = commands bench
    Assert.Equal<Map<string, int64>>(Map [ "done", 1L ], states)
}

[<Fact>]
let ``leases that are kept do not run out`` () : Task = task {
    use! bench = startBench ()
    do! ask bench "ES.1" "w1" [ ticket ]
    let! claimed = claim bench Ticketing
    bench.Pass(TimeSpan.FromSeconds 25.)

    let! kept =
        bench.Store.KeepLeases [ { claimed.Head with Attempt = 1 } ] bench.Now lease

    Assert.Single kept |> ignore
    bench.Pass(TimeSpan.FromSeconds 25.)
    let! none = claim bench Ticketing
    Assert.Empty none
    // Another try's number keeps nothing.
    let! kept =
        bench.Store.KeepLeases [ { claimed.Head with Attempt = 2 } ] bench.Now lease

    Assert.Empty kept
    bench.Pass(TimeSpan.FromSeconds 6.)
    let! again = claim bench Ticketing
    Assert.Equal(2, again.Head.Attempt)
}

[<Fact>]
let ``a delay is told once and its fact has a source id of its own`` () : Task = task {
    use! bench = startBench ()
    do! ask bench "ES.1" "w1" [ ticket ]
    let! first = claim bench Ticketing
    Assert.False first.Head.DelayTold
    let key = first.Head.Command.Key

    let! _ =
        record bench first.Head (RunAgain(bench.Now.AddSeconds 5., "503", Some(TicketDelayed(key, "503"))))

    bench.Pass(TimeSpan.FromSeconds 5.)
    let! second = claim bench Ticketing
    Assert.True second.Head.DelayTold

    let! id =
        bench.Database.Cell "SELECT source_id FROM bot.inbox WHERE source = 'command'"

    Assert.Equal(CommandKey.text key + "/delayed", id)
}

[<Fact>]
let ``a send whose lease ran out is parked, and sent again when no status comes`` () : Task = task {
    use! bench = startBench ()
    do! ask bench "ES.1" "w1" [ say "1"; say "2" ]
    let! _ = claim bench Messaging
    bench.Pass(lease)
    let! none = claim bench Messaging
    Assert.Empty none
    let! states = commands bench
    Assert.Equal<Map<string, int64>>(Map [ "ready", 1L; "unknown", 1L ], states)
    bench.Pass(TimeSpan.FromSeconds 59.)
    let! none = claim bench Messaging
    Assert.Empty none
    bench.Pass(TimeSpan.FromSeconds 1.)
    let! again = claim bench Messaging
    Assert.Equal<string list>([ "1" ], words again)
    Assert.Equal(2, again.Head.Attempt)
}

[<Fact>]
let ``a parked send that a status proves is done, and what waits behind it goes on`` () : Task = task {
    use! bench = startBench ()
    do! ask bench "ES.1" "w1" [ say "1"; say "2" ]
    let! first = claim bench Messaging
    let! _ = record bench first.Head (Parked(bench.Now.AddSeconds 60., "no answer"))
    do! status bench first.Head "wamid.out" Delivered
    do! status bench first.Head "wamid.out" Delivered
    do! status bench first.Head "wamid.out" Read
    let! second = claim bench Messaging
    Assert.Equal<string list>([ "2" ], words second)
    let! account = bench.Store.Accounting()
    Assert.Equal(Some 2L, account.Ended.TryFind "settled")
    Assert.Equal(Some 1L, account.Ended.TryFind "duplicate")
    Assert.Equal(Some 1L, account.Commands.TryFind "done")
    let! late = record bench first.Head (GivenUp("late", None))
    Assert.Equal(0, late)
}

[<Fact>]
let ``a failed delivery ends the send and is told to its session`` () : Task = task {
    use! bench = startBench ()
    do! ask bench "ES.1" "w1" [ say "1" ]
    let! first = claim bench Messaging
    do! status bench first.Head "wamid.out" (Failed(131026, "Message undeliverable"))
    let told = ref []

    let! ended =
        bench.Store.Decide 10 (fun work ->
            told.Value <- work.Entries |> List.map (fun entry -> entry.Source, entry.Session, entry.Fact)
            decideWith bench.Now (fun _ -> []) work)

    Assert.Equal(1, ended)
    let key = first.Head.Command.Key
    let fact = DeliveryFailed(key, 131026, "Message undeliverable")
    Assert.Equal<(string * SessionId option * Fact) list>([ "status", Some key.Session, fact ], told.Value)
    let! states = commands bench
    Assert.Equal<Map<string, int64>>(Map [ "dead", 1L ], states)
}

[<Fact>]
let ``statuses of messages that are not ours, or that nobody knows, are kept as ignored`` () : Task = task {
    use! bench = startBench ()
    do! ask bench "ES.1" "w1" [ say "1" ]
    let! first = claim bench Messaging

    let other = {
        first.Head with
            Command = {
                first.Head.Command with
                    Key = {
                        first.Head.Command.Key with
                            Version = 99L
                    }
            }
    }

    do! status bench other "wamid.a" (Failed(1, "x"))
    do! status bench first.Head "wamid.b" (UnknownStatus "teleported")

    do!
        bench.Store.Deliver [
            bodyOf bench.Now [ StatusCame(channel, MessageId "wamid.c", Sent, None, bench.Now) ]
        ]

    let! account = bench.Store.Accounting()
    Assert.Equal(Some 3L, account.Ended.TryFind "ignored")
    Assert.Equal(0L, account.Pending)
    Assert.Equal(Some 1L, account.Commands.TryFind "running")
}

[<Fact>]
let ``reading marks are not ordered and are left out once they are of no use`` () : Task = task {
    use! bench = startBench ()
    let mark = MarkRead(MessageId "wamid.1")
    do! ask bench "ES.1" "w1" [ mark; mark ]
    let! both = claim bench Messaging
    Assert.Equal(2, both.Length)
    do! ask bench "ES.1" "w2" [ mark; say "1" ]
    bench.Pass(TimeSpan.FromSeconds 121.)
    let! rest = claim bench Messaging
    Assert.Equal<string list>([ "1" ], words rest)
    let! states = commands bench
    Assert.Equal(Some 3L, states.TryFind "done")
}

[<Fact>]
let ``a payload that cannot be read ends dead and does not block the rest`` () : Task = task {
    use! bench = startBench ()
    do! ask bench "ES.1" "w1" [ say "1"; say "2" ]
    do! bench.Database.Execute "UPDATE bot.command SET payload = '{\"Case\":\"Shout\"}' WHERE ordinal = 0"
    let! rest = claim bench Messaging
    Assert.Equal<string list>([ "2" ], words rest)
    let! states = commands bench
    Assert.Equal(Some 1L, states.TryFind "dead")
}

[<Fact>]
let ``timers fire when they are due, never before, and once`` () : Task = task {
    use! bench = startBench ()
    // 100 nanoseconds after a whole microsecond: finer than PostgreSQL keeps.
    let due = bench.Now.AddSeconds(60.).AddTicks 1L
    do! ask bench "ES.1" "w1" [ SetTimer(IdleTimer, bench.Now.AddSeconds 5.); SetTimer(IdleTimer, due) ]
    do! ask bench "ES.2" "w2" [ SetTimer(QuietTimer, due); CancelTimer QuietTimer ]
    do! ask bench "ES.2" "w3" [ SetTimer(QuietTimer, due) ]
    do! ask bench "ES.2" "w4" [ CancelTimer QuietTimer ]
    bench.Now <- due.AddTicks -1L
    let! early = bench.Store.FireTimers 10 bench.Now
    Assert.Empty early
    bench.Now <- due.AddTicks 9L
    let! fired = Task.WhenAll [ for _ in 1..4 -> bench.Store.FireTimers 10 bench.Now ]
    Assert.Equal(1, Array.sumBy List.length fired)
    let told = ref []

    let! _ =
        bench.Store.Decide 10 (fun work ->
            told.Value <- work.Entries |> List.map _.Fact
            decideWith bench.Now (fun _ -> []) work)

    Assert.Equal<Fact list>([ TimerElapsed(IdleTimer, due) ], told.Value)
    let! account = bench.Store.Accounting()
    Assert.Equal(0L, account.Timers)
}

[<Fact>]
let ``a database that is away or not migrated is told as unavailable`` () : Task = task {
    use! database = createDatabase ()

    let unavailable connectionString = task {
        let settings = Store.Settings.ofConnectionString connectionString

        let store =
            Store.PostgresStore.create settings Transition.evolve (worldOf (fun () -> start))

        let! problem =
            Assert.ThrowsAsync<StoreUnavailable>(fun () -> store.Port.Decide 1 (decideAt start) :> Task)

        do! store.Close()
        return problem.message
    }

    let! notMigrated = unavailable database.ConnectionString
    Assert.Contains("migrat", notMigrated)
    let! away = unavailable "Host=127.0.0.1;Port=1;Username=nobody;Timeout=2"
    Assert.Contains("reached", away)
}
