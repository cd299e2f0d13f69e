/// Retrying, cancelling and settling commands by hand.
module FunctionalBot.Tests.OutboxChangesTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.OperationScenes

let private nameOf (command: ClaimedCommand) =
    ByKey(CommandKey.text command.Command.Key)

let private give (bench: Bench) (command: ClaimedCommand) =
    record bench command (GivenUp("refused", Some(DeliveryFailed(command.Command.Key, 131026, "refused"))))

let private unpack result =
    match result with
    | Ok value -> value
    | Error(problem: FieldProblem) -> failwith $"%A{problem}"

let private customer: Customer = {
    Id = CustomerId "ES.1"
    Phone = None
    Name = None
}

let private ticket: Action =
    CreateTicket(
        {
            Purpose = Support
            Title = unpack (TicketTitle.create "Taladradora rota")
            Description = unpack (TicketDescription.create "No enciende")
            Email = None
            Files = None
        },
        customer
    )

let private question: Action =
    AskAssistant {
        Turn = 1L
        Assistant = Primary
        Hint = None
        Language = Spanish
        Message = None
    }

/// The facts that wait to be decided, by kind.
let private waitingKinds (bench: Bench) =
    bench.Database.Rows "SELECT i.kind FROM bot.inbox_pending p JOIN bot.inbox i ON i.id = p.id ORDER BY p.id"

[<Fact>]
let ``a send that died is sent again under its key and ahead of what came after it`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    do! ask bench "ES.1" "w1" [ say "1"; say "2" ]
    let! first = claim bench Messaging
    Assert.Equal<string list>([ "1" ], words first)
    let! _ = give bench first.Head
    let! dead = operations.DeadOutbox None (Some "messaging")
    let! none = operations.DeadOutbox None (Some "ticketing")
    Assert.Equal((1, 0), (dead.Length, none.Length))
    bench.Pass(TimeSpan.FromDays 1.)
    let! outcome = operations.RetryOutbox request (ByNumber dead.Head)
    expectChanged outcome
    do! expectSound operations
    // The result of the earlier try is not taken for that of the later one.
    let! late = record bench first.Head (Done None)
    Assert.Equal(0, late)
    let! again = claim bench Messaging
    Assert.Equal<string list>([ "1" ], words again)
    Assert.Equal((first.Head.Command.Key, 2), (again.Head.Command.Key, again.Head.Attempt))
    // Its second death is news, not a repetition of the first.
    let! _ = give bench again.Head
    let! accounting = operations.Accounting()
    Assert.Equal(None, accounting.Ended.TryFind "duplicate")
    let! waiting = waitingKinds bench
    Assert.Equal<string list list>([ [ "delivery_failed" ]; [ "delivery_failed" ] ], waiting)
    let! outcome = operations.RetryOutbox request (nameOf again.Head)
    expectChanged outcome
    let! third = claim bench Messaging
    let! _ = record bench third.Head (Done None)
    let! second = claim bench Messaging
    Assert.Equal<string list>([ "2" ], words second)
    let! outcome = operations.RetryOutbox request (nameOf third.Head)
    Assert.Contains("it was done", expectNotAllowed outcome)
    do! expectSound operations
    let! audit = audit bench
    let entry = [ "ana"; "outbox retry"; $"command %d{dead.Head}"; "the reader was mended" ]
    Assert.Equal<string list list>([ entry; entry ], audit)
}

[<Fact>]
let ``every kind of command comes back as it was queued`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench

    let creation = {
        Session = sessionOf "ES.1" 1
        Version = 1L
        Ordinal = 3
    }

    do!
        ask bench "ES.1" "w1" [
            say "1"
            MarkRead(MessageId "w1")
            question
            ticket
            AddToTicket(creation, "una nota")
            LookUpTickets customer
        ]

    let rows () =
        bench.Database.Rows
            "SELECT id, channel, customer, service, speaks, session_ordinal, version, ordinal, state
            FROM bot.outbox ORDER BY id"

    let! before = rows ()
    Assert.Equal(6, before.Length)

    for row in before do
        let! outcome = operations.CancelOutbox request (ByNumber(int64 row.Head))
        expectChanged outcome

    let! none = rows ()
    Assert.Empty none
    do! expectSound operations
    // Each session hears of what it waits for, and of nothing else.
    let! waiting = waitingKinds bench

    Assert.Equal<string list list>(
        [
            [ "delivery_failed" ]
            [ "assistant_failed" ]
            [ "ticket_refused" ]
            [ "ticket_look_up_failed" ]
        ],
        waiting
    )

    let! dead = operations.DeadOutbox None None

    for id in dead do
        let! outcome = operations.RetryOutbox request (ByNumber id)
        expectChanged outcome

    let! after = rows ()
    Assert.Equal<string list list>(before, after)
    // Cancelled before any try, brought back and cancelled again: each end is told by itself.
    let! outcome = operations.CancelOutbox request (ByNumber(int64 before.Head.Head))
    expectChanged outcome
    let! outcome = operations.RetryOutbox request (ByNumber(int64 before.Head.Head))
    expectChanged outcome
    do! expectSound operations
}

[<Fact>]
let ``a dead letter that nobody wants any more is dropped, once and for good`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    do! ask bench "ES.1" "w1" [ say "1" ]
    let! claimed = claim bench Messaging
    let! _ = bench.Store.Record [ claimed.Head, GivenUp("refused", None) ] bench.Now
    let name = ByNumber claimed.Head.Place
    let! outcome = operations.CancelOutbox request name
    expectChanged outcome
    let! dead = operations.DeadOutbox None None
    Assert.Empty dead
    let! account = bench.Store.Accounting()
    Assert.Equal(0L, account.Commands["dead"])
    Assert.Equal(1L, account.Commands["dropped"])

    let! dropped =
        operations.ListOutbox {
            State = Some "dropped"
            Service = None
            Limit = 10
        }

    let found = Assert.Single dropped
    Assert.Equal(Some "refused; dropped by hand: the reader was mended", found.Reason)

    let! others =
        operations.ListOutbox {
            State = None
            Service = None
            Limit = 10
        }

    Assert.Empty others

    for again in [ operations.CancelOutbox; operations.RetryOutbox ] do
        let! outcome = again request name
        expectNotAllowed outcome |> ignore

    do! expectSound operations
}

/// Waits until so many sessions wait for a lock of this kind.
let private waits (bench: Bench) (kind: string) : Task = task {
    let mutable isWaiting = false

    while not isWaiting do
        let! waiting =
            bench.Database.Cell $"SELECT count(*) FROM pg_locks WHERE locktype = '%s{kind}' AND NOT granted"

        isWaiting <- waiting <> "0"
}

[<Fact>]
let ``a command that somebody else is just bringing back is held while it is changed`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    do! ask bench "ES.1" "w1" [ say "1" ]
    let! claimed = claim bench Messaging
    let! _ = give bench claimed.Head
    // Whoever wakes a command stops here, when it has looked at it already and not changed it yet.
    do!
        bench.Database.Execute
            "CREATE FUNCTION bot.hold() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END';
            CREATE TRIGGER hold BEFORE UPDATE ON bot.outbox FOR EACH STATEMENT EXECUTE FUNCTION bot.hold()"

    use holder = new Npgsql.NpgsqlConnection(bench.Database.ConnectionString)
    do! holder.OpenAsync()
    use hold = new Npgsql.NpgsqlCommand("SELECT pg_advisory_lock(4711)", holder)
    let! _ = hold.ExecuteNonQueryAsync()

    // As a retry does it that has not committed yet; the command is to wait for a while.
    use other = new Npgsql.NpgsqlConnection(bench.Database.ConnectionString)
    do! other.OpenAsync()
    use! bringing = other.BeginTransactionAsync()

    use back =
        new Npgsql.NpgsqlCommand(
            "DELETE FROM bot.command_end;
            INSERT INTO bot.outbox (id, channel, customer, service, speaks, session_ordinal, version, ordinal, wake)
            SELECT id, channel, customer, 'messaging', true, session_ordinal, version, ordinal,
                now() + interval '100 years' FROM bot.command",
            other,
            bringing
        )

    let! _ = back.ExecuteNonQueryAsync()
    let waking = operations.RetryOutbox request (ByNumber claimed.Head.Place)
    do! waits bench "transactionid"
    do! bringing.CommitAsync()
    do! waits bench "advisory"

    let! free =
        bench.Database.Cell "SELECT count(*) FROM (SELECT 1 FROM bot.outbox FOR UPDATE SKIP LOCKED) s"

    Assert.Equal("0", free)
    use release = new Npgsql.NpgsqlCommand("SELECT pg_advisory_unlock(4711)", holder)
    let! _ = release.ExecuteNonQueryAsync()
    let! outcome = waking
    expectChanged outcome
}

[<Fact>]
let ``what a live lease holds is left alone, and it is said until when`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    do! ask bench "ES.1" "w1" [ say "1"; ticket ]
    let! sends = claim bench Messaging
    let! tickets = claim bench Ticketing
    let send, ticket = nameOf sends.Head, nameOf tickets.Head
    let! before = contents bench

    for name in [ send; ticket ] do
        for change in
            [
                operations.RetryOutbox request
                operations.CancelOutbox request
                fun name -> operations.SettleOutbox request name SettledAsSent
            ] do
            let! outcome = change name
            Assert.Contains("2026-11-02 09:00:30 UTC", expectNotAllowed outcome)

    let! after = contents bench
    Assert.Equal(before, after)
    // The worker is gone. A ticket can be asked for again; of a send nobody knows.
    bench.Pass lease
    let! outcome = operations.RetryOutbox request ticket
    expectChanged outcome
    let! outcome = operations.RetryOutbox request send
    Assert.Contains("settle", expectNotAllowed outcome)
    let! outcome = operations.SettleOutbox request send SettledAsSent
    expectChanged outcome
    let! again = claim bench Ticketing
    Assert.Equal(2, again.Head.Attempt)
    do! expectSound operations
}

[<Fact>]
let ``a send of unknown outcome is settled as sent or failed, and nothing else can be`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    do! ask bench "ES.1" "w1" [ say "1"; ticket ]
    do! ask bench "ES.2" "w2" [ say "2" ]

    let! waiting =
        operations.ListOutbox {
            State = Some "ready"
            Service = Some "ticketing"
            Limit = 10
        }

    let! outcome =
        operations.SettleOutbox request (ByNumber waiting.Head.Id) SettledAsSent

    Assert.Contains("waits for its next try", expectNotAllowed outcome)
    let! sends = claim bench Messaging
    let until = bench.Now.AddSeconds 60.

    for send in sends do
        let! _ = record bench send (Parked(until, "no answer"))
        ()

    let! outcome = operations.RetryOutbox request (nameOf sends[0])
    Assert.Contains("could show it twice", expectNotAllowed outcome)
    let! outcome = operations.SettleOutbox request (nameOf sends[0]) SettledAsSent
    expectChanged outcome
    let! outcome = operations.SettleOutbox request (nameOf sends[1]) SettledAsFailed
    expectChanged outcome
    let! waiting = waitingKinds bench
    Assert.Equal<string list list>([ [ "delivery_failed" ] ], waiting)
    let! accounting = operations.Accounting()
    Assert.Equal<Map<string, int64>>(Map [ "done", 1L; "dead", 1L; "ready", 1L ], accounting.Commands)
    let! outcome = operations.SettleOutbox request (nameOf sends[1]) SettledAsSent
    Assert.Contains("settled already", expectNotAllowed outcome)
    let! outcome = operations.CancelOutbox request (nameOf sends[0])
    Assert.Contains("not open", expectNotAllowed outcome)
    let! outcome = operations.RetryOutbox request (ByKey "no/such/key")
    Assert.Equal(NotFound, outcome)
    do! expectSound operations
}

[<Fact>]
let ``a command that waits for its next try is due at once`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    do! ask bench "ES.1" "w1" [ ticket ]
    let! tickets = claim bench Ticketing

    let! _ =
        record bench tickets.Head (RunAgain(bench.Now.AddHours 1., "Odoo is down", None))

    let! none = claim bench Ticketing
    Assert.Empty none
    let! before = contents bench
    let! outcome = operations.RetryOutbox rehearsal (nameOf tickets.Head)
    expectChanged outcome
    let! after = contents bench
    Assert.Equal(before, after)
    let! outcome = operations.RetryOutbox request (nameOf tickets.Head)
    expectChanged outcome
    let! outcome = operations.RetryOutbox request (nameOf tickets.Head)
    Assert.True(outcome.IsUnchanged)
    let! again = claim bench Ticketing
    Assert.Equal(2, again.Head.Attempt)
    do! expectSound operations
}

[<Fact>]
let ``a conversation goes on after its ticket is cancelled`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    do! converse bench "ES.1" "w1" "quiero hablar con una persona"

    let! tickets =
        operations.ListOutbox {
            State = None
            Service = Some "ticketing"
            Limit = 10
        }

    Assert.Equal(1, tickets.Length)
    let! outcome = operations.CancelOutbox request (ByNumber tickets.Head.Id)
    expectChanged outcome
    let! ended = bench.Store.Decide 10 (decideAt bench.Now)
    Assert.Equal(1, ended)

    let! types =
        bench.Database.Rows "SELECT type FROM mt_events ORDER BY seq_id DESC LIMIT 1"

    Assert.Equal<string list list>([ [ "ticket_refused" ] ], types)
    let! shown = operations.ShowOutbox(ByNumber tickets.Head.Id)
    Assert.Equal(Some "cancelled by hand: the reader was mended", shown.Value.Command.Reason)
    let! saved = bench.Database.Cell "SELECT phase FROM bot.session"
    Assert.Equal("conversing", saved)
    do! expectSound operations
}
