/// A database of its own for each test, with the real schema, the real core and a clock that the test moves.
module FunctionalBot.Tests.StoreFixture

open System
open System.Threading
open System.Threading.Tasks
open Npgsql
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store

/// The server that tests may make databases on, from BOT_TEST_DATABASE; without it the test is skipped.
let private server () =
    match Environment.GetEnvironmentVariable "BOT_TEST_DATABASE" with
    | null
    | "" ->
        Assert.Skip(
            "BOT_TEST_DATABASE is not set: "
            + "give a connection string of a PostgreSQL role that may create databases"
        )

        ""
    | text -> text

let private executeOn (connectionString: string) (sql: string) = task {
    use connection = new NpgsqlConnection(connectionString)
    do! connection.OpenAsync()
    use command = new NpgsqlCommand(sql, connection)
    let! _ = command.ExecuteNonQueryAsync()
    return ()
}

/// A database that is dropped at the end.
type Database(admin: string, name: string) =
    /// Unpooled, so that a test's own look at the tables leaves nothing behind.
    member _.ConnectionString =
        NpgsqlConnectionStringBuilder(admin, Database = name, Pooling = false).ConnectionString

    member database.Execute(sql: string) : Task<unit> = executeOn database.ConnectionString sql

    /// All rows, each cell as text ("" for null).
    member database.Rows(sql: string) : Task<string list list> = task {
        use connection = new NpgsqlConnection(database.ConnectionString)
        do! connection.OpenAsync()
        use command = new NpgsqlCommand(sql, connection)
        use! reader = command.ExecuteReaderAsync()
        let rows = ResizeArray()

        while reader.Read() do
            rows.Add [
                for column in 0 .. reader.FieldCount - 1 do
                    if reader.IsDBNull column then
                        ""
                    else
                        string<obj>(reader.GetValue column)
            ]

        return List.ofSeq rows
    }

    /// The first column of the first row.
    member database.Cell(sql: string) : Task<string> = task {
        let! rows = database.Rows sql
        return rows.Head.Head
    }

    /// Works within a transaction, by statements that it executes, and commits it.
    member database.Transact(work: (string -> Task) -> Task<'result>) : Task<'result> = task {
        use connection = new NpgsqlConnection(database.ConnectionString)
        do! connection.OpenAsync()
        use! transaction = connection.BeginTransactionAsync()

        let execute (sql: string) : Task = task {
            use command = new NpgsqlCommand(sql, connection, transaction)
            let! _ = command.ExecuteNonQueryAsync()
            return ()
        }

        let! result = work execute
        do! transaction.CommitAsync()
        return result
    }

    /// Returns when a transaction waits for a lock in this database, or when what should wait is over.
    member database.SomebodyWaits(isOver: unit -> bool) : Task = task {
        let mutable waiting = "0"

        while waiting = "0" && not (isOver ()) do
            let! found =
                database.Cell
                    "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'"

            waiting <- found
    }

    interface IAsyncDisposable with
        member _.DisposeAsync() =
            ValueTask(executeOn admin ("DROP DATABASE \"" + name + "\" WITH (FORCE)") :> Task)

/// An empty database on the server of this connection string.
let createDatabaseOn (admin: string) : Task<Database> = task {
    let name = "bot_test_" + Guid.NewGuid().ToString "N"
    do! executeOn admin ("CREATE DATABASE \"" + name + "\"")
    return new Database(admin, name)
}

/// An empty database.
let createDatabase () : Task<Database> = createDatabaseOn (server ())

/// A store on a database of its own.
type Bench(database: Database, store: PostgresStore, clock: DateTimeOffset ref) =
    member _.Database = database
    member _.Store = store.Port
    member _.Files = store.Files

    member _.Now
        with get () = clock.Value
        and set value = clock.Value <- value

    /// The clock itself.
    member _.Clock = clock

    /// Moves the clock.
    member _.Pass(span: TimeSpan) = clock.Value <- clock.Value + span

    interface IAsyncDisposable with
        member _.DisposeAsync() =
            ValueTask(
                task {
                    do! store.Close()
                    do! (database :> IAsyncDisposable).DisposeAsync()
                }
                :> Task
            )

let start = DateTimeOffset(2026, 11, 2, 9, 0, 0, TimeSpan.Zero)

let worldOf (now: unit -> DateTimeOffset) : World = {
    Now = now
    Elapsed = fun () -> now () - DateTimeOffset.UnixEpoch
    Delay = fun _ (_: CancellationToken) -> Task.CompletedTask
    NewId = Guid.NewGuid
    Random = fun () -> 0.5
}

let startBench () : Task<Bench> = task {
    let! database = createDatabase ()

    match! Migrations.run database.ConnectionString with
    | Error problem -> failwith (Migrations.explain problem)
    | Ok _ -> ()

    let clock = ref start

    let settings = {
        Settings.ofConnectionString (
            NpgsqlConnectionStringBuilder(database.ConnectionString, Pooling = true).ToString()
        ) with
            TracesTimers = true
    }

    return
        Bench(
            database,
            PostgresStore.create settings Transition.evolve (worldOf (fun () -> clock.Value)),
            clock
        )
}

let channel = "whatsapp-1"

/// The real decision, with a clock.
let decideAt (now: DateTimeOffset) : CustomerWork -> CustomerDecision =
    Reception.decide
        (Reception.always
            {
                Quiet = TimeSpan.Zero
                Idle = TimeSpan.FromMinutes 30.
            }
            Spanish)
        now
        Guid.NewGuid

let person id : Person = {
    BusinessScopedId = Some id
    Phone = None
    Name = Some "Ana"
}

let bodyOf (at: DateTimeOffset) (updates: Update list) : ReceivedBody = {
    Body = Guid.NewGuid().ToByteArray()
    At = at
    Trace = None
    Updates = Ok updates
}

type StorePort with

    /// Takes in bodies, whoever they wake.
    member store.Deliver(bodies: ReceivedBody list) : Task = store.Receive bodies

    /// Decides for up to so many customers, whose commands are all left to be claimed. How many entries
    /// ended.
    member store.Decide (most: int) (decide: CustomerWork -> CustomerDecision) : Task<int> = task {
        let! advanced =
            store.Advance
                {
                    Results = []
                    Known = []
                    Most = most
                    Room = Map.empty
                    Lease = TimeSpan.FromSeconds 30.
                }
                decide

        return advanced.Ended
    }

/// A text of the customer.
let textFrom customer id (at: DateTimeOffset) text =
    let fact =
        TextReceived {
            Message = MessageId id
            Text = text
            Quoted = None
        }

    CustomerDid(channel, person customer, id, at, fact)

let sessionOf customer ordinal : SessionId = {
    Channel = channel
    Customer = CustomerId customer
    Ordinal = ordinal
}

/// Takes in one text and decides it.
let converse (bench: Bench) customer id text = task {
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom customer id bench.Now text ] ]
    let! _ = bench.Store.Decide 50 (decideAt bench.Now)
    return ()
}

/// An action that speaks.
let say text : Action =
    Say {
        Phrase = Answer(text, false)
        Choices = []
        Language = Spanish
        ReplyTo = None
        Invitation = None
        File = None
        Introduce = None
    }

/// Says it as the caption of a file.
let sayWithFile text : Action =
    match say text with
    | Say utterance ->
        Say {
            utterance with
                File =
                    Some {
                        Hash = FileHash(String.replicate 64 "a")
                        MimeType = "application/pdf"
                        Size = 3L
                        Name = "plano.pdf"
                    }
        }
    | other -> other

/// A decision that makes one event of each entry and asks for these actions each time; the first opens the
/// session.
let decideWith
    (now: DateTimeOffset)
    (actions: InboxEntry -> Action list)
    (work: CustomerWork)
    : CustomerDecision =
    let id: SessionId = {
        Channel = work.Channel
        Customer = work.Customer.Id
        Ordinal = 1
    }

    let before = work.Current |> Option.defaultValue (Session.initial id)

    let events =
        work.Entries
        |> List.mapi (fun index entry -> {
            Id = Guid.NewGuid()
            At = now
            Session = id
            Version = before.Version + 1L + int64 index
            Cause = Reception.causeOf entry
            Fact = entry.Fact
        })

    {
        Events = events
        Sessions = [
            {
                before with
                    Version = before.Version + int64 events.Length
            }
        ]
        Commands = [
            for entry, event in List.zip work.Entries events do
                for ordinal, action in List.indexed (actions entry) do
                    {
                        Key = {
                            Session = id
                            Version = event.Version
                            Ordinal = ordinal
                        }
                        Action = action
                    }
        ]
        Endings =
            List.zip work.Entries events
            |> List.map (fun (entry, event) -> entry.Id, Applied event.Version)
    }

/// How long a test leases commands.
let lease = TimeSpan.FromSeconds 30.

/// Takes in one text of the customer and queues these actions for it.
let ask (bench: Bench) customer id actions = task {
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom customer id bench.Now "hola" ] ]
    let! _ = bench.Store.Decide 10 (decideWith bench.Now (fun _ -> actions))
    return ()
}

let claim (bench: Bench) service =
    bench.Store.Claim service 100 bench.Now lease

let record (bench: Bench) command result =
    bench.Store.Record [ command, result ] bench.Now

/// What is said, of commands that say an answer.
let words (claimed: ClaimedCommand list) =
    claimed
    |> List.map (fun command ->
        match command.Command.Action with
        | Say { Phrase = Answer(text, _) } -> text
        | other -> failwith $"%A{other}")

/// Engines of tests report to nobody.
let silent: Engine.EngineLog = {
    Trouble = fun _ _ -> ()
    Recovered = ignore
    CommandFailed = fun _ _ -> ()
}
