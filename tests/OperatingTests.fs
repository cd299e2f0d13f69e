/// The verbs for operators as the built program runs them: exit codes, JSON, and databases that cannot be used.
module FunctionalBot.Tests.OperatingTests

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Threading.Tasks
open Npgsql
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.OperationScenes

/// What a run gave.
type Run = {
    Code: int
    /// Standard output: results.
    Results: string
    /// Standard error: talk.
    Talk: string
}

/// Runs the program with nothing but these settings, and nobody to ask.
let bot (environment: (string * string) list) (words: string list) : Task<Run> = task {
    let folder = Directory.CreateTempSubdirectory("functionalbot-operating-").FullName
    let start = Stage.prepare (Map environment) folder words
    start.RedirectStandardInput <- true

    use running =
        match Process.Start start with
        | null -> failwith "dotnet could not be started"
        | started -> started

    running.StandardInput.Close()
    let results = running.StandardOutput.ReadToEndAsync()
    let talk = running.StandardError.ReadToEndAsync()
    do! running.WaitForExitAsync()
    let! results = results
    let! talk = talk
    Directory.Delete(folder, true)

    return {
        Code = running.ExitCode
        Results = results
        Talk = talk
    }
}

let private on (database: Database) =
    bot [ "DATABASE_URL", database.ConnectionString ]

/// One of each verb that needs this build's schema.
let private verbs = [
    [ "status" ]
    [ "inbound"; "list" ]
    [ "inbound"; "retry"; "1"; "--reason"; "x"; "--yes" ]
    [ "outbox"; "list" ]
    [ "outbox"; "cancel"; "1"; "--reason"; "x"; "--yes" ]
    [ "contact"; "list" ]
    [ "contact"; "block"; "1"; "--reason"; "x"; "--yes" ]
    [ "db"; "check" ]
    [ "session"; "list" ]
    [ "session"; "replay"; "--all" ]
]

/// Those that do without the schema, and one of each family of the others.
let private someVerbs = [
    [ "db"; "status" ]
    [ "db"; "migrate" ]
    [ "status" ]
    [ "session"; "list" ]
    [ "inbound"; "list" ]
    [ "outbox"; "cancel"; "1"; "--reason"; "x"; "--yes" ]
]

let private migrations (database: Database) =
    database.Cell "SELECT count(*) FROM bot.migration"

let private json (run: Run) = JsonDocument.Parse run.Results

let private names (element: JsonElement) = [ for property in element.EnumerateObject() -> property.Name ]

[<Fact>]
let ``only DATABASE_URL is needed, and it is asked for by name`` () : Task = task {
    for words in [ [ "db"; "status" ]; [ "status" ] ] do
        let! run = bot [] words
        Assert.Equal(3, run.Code)
        Assert.Contains("DATABASE_URL", run.Talk)
        Assert.DoesNotContain("WHATSAPP", run.Talk)
        Assert.Equal("", run.Results)
}

[<Fact>]
let ``a database that is not there is exit code 4 and says what to check`` () : Task = task {
    for words in someVerbs do
        let! run = bot [ "DATABASE_URL", "postgres://bot:hush@127.0.0.1:1/bot" ] words
        Assert.Equal(4, run.Code)
        Assert.Contains("DATABASE_URL", run.Talk)
        Assert.DoesNotContain("hush", run.Talk)
        Assert.DoesNotContain("   at ", run.Talk)
}

[<Fact>]
let ``an older schema is named with its remedy, left alone, and brought up by migrate`` () : Task = task {
    use! database = createDatabase ()
    let! _ = Migrations.runThese (List.take 2 Migrations.all) database.ConnectionString

    for words in verbs do
        let! run = on database words
        Assert.Equal(4, run.Code)
        Assert.Contains("bot db migrate", run.Talk)

    let! status = on database [ "db"; "status"; "--json" ]
    Assert.Equal(1, status.Code)
    use document = json status
    Assert.Equal<string list>([ "version"; "current"; "applied"; "waiting" ], names document.RootElement)
    Assert.Equal(2, (document.RootElement.GetProperty "applied").GetArrayLength())
    let! dry = on database [ "db"; "migrate"; "--dry-run" ]
    Assert.Equal(0, dry.Code)
    Assert.Contains("-- 005-operations.sql", dry.Results)
    Assert.Contains("CREATE TABLE bot.audit", dry.Results)
    Assert.DoesNotContain("002-bot.sql", dry.Results)
    let! count = migrations database
    Assert.Equal("2", count)
    let! migrate = on database [ "db"; "migrate" ]
    Assert.Equal(0, migrate.Code)
    Assert.Contains("applied 005-operations.sql", migrate.Results)
    let! status = on database [ "db"; "status" ]
    Assert.Equal(0, status.Code)
}

[<Fact>]
let ``a schema of the future is refused by every verb and left as it is`` () : Task = task {
    use! bench = startBench ()

    do!
        bench.Database.Execute
            "INSERT INTO bot.migration (number, name, sha256) VALUES (999, '999-later.sql', 'x')"

    let! before = contents bench

    for words in someVerbs do
        let! run = on bench.Database words
        Assert.Equal(4, run.Code)
        Assert.Contains("newer build", run.Talk)
        Assert.Equal("", run.Results)

    let! after = contents bench
    Assert.Equal(before, after)
}

[<Fact>]
let ``a role without rights is told so`` () : Task = task {
    use! fresh = createDatabase ()
    use! bench = startBench ()
    let role = "bot_test_" + Guid.NewGuid().ToString "N"
    do! fresh.Execute $"CREATE ROLE %s{role} LOGIN PASSWORD 'invented'"

    let as' (database: Database) =
        bot [
            "DATABASE_URL",
            NpgsqlConnectionStringBuilder(database.ConnectionString, Username = role, Password = "invented")
                .ConnectionString
        ]

    let expectRights (run: Run) =
        Assert.Equal(4, run.Code)
        Assert.Contains("lacks rights", run.Talk)
        Assert.Contains("owns the database", run.Talk)
        Assert.DoesNotContain("   at ", run.Talk)

    try
        let! run = as' fresh [ "db"; "migrate" ]
        expectRights run
        let! schema = fresh.Cell "SELECT count(*) FROM pg_namespace WHERE nspname = 'bot'"
        Assert.Equal("0", schema)
        let! before = contents bench

        for words in someVerbs do
            let! run = as' bench.Database words
            expectRights run

        // It may look at the migrations and at nothing else.
        do!
            bench.Database.Execute
                $"GRANT USAGE ON SCHEMA bot TO %s{role}; GRANT SELECT ON bot.migration TO %s{role}"

        for words in verbs do
            let! run = as' bench.Database words
            expectRights run

        let! after = contents bench
        Assert.Equal(before, after)
        do! bench.Database.Execute $"DROP OWNED BY %s{role}"
    finally
        (fresh.Execute $"DROP ROLE %s{role}").GetAwaiter().GetResult()
}

[<Fact>]
let ``every verb can be told to ask nothing, to use no colours and to show no progress`` () : Task = task {
    use! bench = startBench ()

    for words in verbs do
        let! plain = on bench.Database words
        let! told = on bench.Database (words @ [ "--no-input"; "--no-color"; "-q" ])
        Assert.Equal(plain.Code, told.Code)
        Assert.NotEqual(2, told.Code)
        Assert.DoesNotContain("\u001b", told.Results + told.Talk)

    // Without a yes nothing is changed, and nobody is waited for.
    let! asked =
        on bench.Database [ "outbox"; "cancel"; "1"; "--reason"; "x"; "--no-input" ]

    Assert.Equal(6, asked.Code)
}

[<Fact>]
let ``a fault that nobody foresaw is one masked line and exit code 70`` () : Task = task {
    use! bench = startBench ()
    do! bench.Database.Execute "ALTER TABLE bot.session RENAME COLUMN phase TO \"of ana@example.org\""

    for words in [ [ "status" ]; [ "session"; "list" ] ] do
        let! run = on bench.Database words
        Assert.Equal(70, run.Code)
        Assert.Equal("", run.Results)
        Assert.Contains("phase", run.Talk)
        Assert.DoesNotContain("   at ", run.Talk)
        Assert.DoesNotContain("ana@", run.Talk)
        Assert.Single(run.Talk.Trim().Split '\n') |> ignore
}

[<Fact>]
let ``what was changed before the database went away is told, with how to go on`` () : Task = task {
    use! bench = startBench ()

    for number in 1..4 do
        do! ask bench $"ES.%d{number}" $"w%d{number}" [ say "1" ]

    let! claimed = claim bench Messaging

    for command in claimed do
        let! _ = record bench command (GivenUp("refused", None))
        ()

    // At the third change the database ends the session, as it does when it is shut down.
    do!
        bench.Database.Execute
            "CREATE FUNCTION bot.away() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
                IF (SELECT count(*) FROM bot.audit) >= 3 THEN
                    RAISE EXCEPTION USING ERRCODE = ''57P01'', MESSAGE = ''shutting down'';
                END IF; RETURN NULL; END';
            CREATE TRIGGER away AFTER INSERT ON bot.audit FOR EACH ROW EXECUTE FUNCTION bot.away()"

    let retry words =
        on bench.Database ([ "outbox"; "retry"; "--all-dead"; "--reason"; "x"; "--yes" ] @ words)

    let! run = retry [ "--json" ]
    Assert.Equal(7, run.Code)
    Assert.Contains("2 of 4", run.Talk)
    Assert.Contains("again", run.Talk)
    use document = json run
    Assert.Equal(2, (document.RootElement.GetProperty "results").GetArrayLength())
    do! bench.Database.Execute "DROP TRIGGER away ON bot.audit"
    let! run = retry []
    Assert.Equal(0, run.Code)
    let! left = bench.Database.Cell "SELECT count(*) FROM bot.command_end"
    Assert.Equal("0", left)
}

let private takeDead (bench: Bench) : Task = task {
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "wamid.1" bench.Now "boom" ] ]

    for _ in 1..5 do
        let! _ = bench.Store.Decide 10 (fun _ -> invalidOp "boom")
        ()
}

[<Fact>]
let ``inbound shows and puts back, with an exit code for each way`` () : Task = task {
    use! bench = startBench ()
    do! takeDead bench
    let inbound words = on bench.Database ("inbound" :: words)
    let! list = inbound [ "list"; "--end"; "dead"; "--json" ]
    Assert.Equal(0, list.Code)
    use document = json list
    Assert.Equal<string list>([ "version"; "entries" ], names document.RootElement)
    Assert.Equal(1, (document.RootElement.GetProperty "version").GetInt32())
    let entry = (document.RootElement.GetProperty "entries")[0]

    Assert.Equal<string list>(
        [
            "id"
            "source"
            "source_id"
            "session"
            "kind"
            "at"
            "received_at"
            "state"
            "event_version"
            "reason"
        ],
        names entry
    )

    let! table = inbound [ "list" ]
    Assert.Contains("dead", table.Results)
    Assert.DoesNotContain("wamid", table.Results)
    let! shown = inbound [ "show"; "1" ]
    Assert.Contains("wamid.1", shown.Results)
    // What the customer wrote is shown to whoever asks for it only.
    Assert.DoesNotContain("boom\"", shown.Results)
    let! shown = inbound [ "show"; "1"; "--content"; "--json" ]
    use document = json shown
    Assert.Equal("boom", string (((document.RootElement.GetProperty "fact").GetProperty "Text").GetString()))
    let! before = contents bench

    for words, code in
        [
            [ "show"; "4711" ], 5
            [ "list"; "--since"; "whenever" ], 2
            [ "retry"; "--reason"; "x" ], 2
            [ "retry"; "1"; "--all-dead"; "--reason"; "x" ], 2
            [ "retry"; "1"; "--yes" ], 2
            [ "retry"; "1"; "--reason"; "x" ], 6
            [ "retry"; "--all-dead"; "--reason"; "x" ], 6
            [ "retry"; "4711"; "--reason"; "x"; "--yes" ], 5
            [ "retry"; "1"; "--dry-run" ], 0
            [ "retry"; "--all-dead"; "--since"; "2099-01-01"; "--reason"; "x"; "--yes" ], 0
        ] do
        let! run = inbound words
        Assert.True((run.Code = code), $"%A{words} gave %d{run.Code}: %s{run.Results}%s{run.Talk}")

    let! after = contents bench
    Assert.Equal(before, after)

    let! retry =
        inbound [ "retry"; "--all-dead"; "--reason"; "mended"; "--yes"; "--json" ]

    Assert.Equal(0, retry.Code)
    use document = json retry
    Assert.Equal<string list>([ "version"; "dry_run"; "results" ], names document.RootElement)
    let result = (document.RootElement.GetProperty "results")[0]
    Assert.Equal<string list>([ "entry"; "outcome"; "detail" ], names result)
    Assert.Equal("changed", string ((result.GetProperty "outcome").GetString()))
    let! again = inbound [ "retry"; "1"; "--reason"; "mended"; "--yes" ]
    Assert.Equal(6, again.Code)
    let! audit = audit bench
    Assert.Equal<string list list>([ [ Environment.UserName; "inbound retry"; "inbox 1"; "mended" ] ], audit)
}

[<Fact>]
let ``outbox refuses what a worker holds, and mends what is dead`` () : Task = task {
    use! bench = startBench ()
    // The program lives in the real time.
    bench.Now <- DateTimeOffset.UtcNow
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "w1" bench.Now "hola" ] ]

    let! _ = bench.Store.Decide 10 (decideWith bench.Now (fun _ -> [ say "1"; say "2" ]))

    let! claimed = bench.Store.Claim Messaging 1 bench.Now (TimeSpan.FromHours 1.)
    let key = CommandKey.text claimed.Head.Command.Key
    let outbox words = on bench.Database ("outbox" :: words)
    let earnest = [ "--reason"; "x"; "--yes" ]
    let! held = outbox ([ "retry"; key ] @ earnest)
    Assert.Equal(6, held.Code)
    Assert.Contains("holds it until", held.Talk)
    Assert.DoesNotContain("ES.1", held.Talk)
    let! settled = outbox ([ "settle"; key; "--as"; "sent" ] @ earnest)
    Assert.Equal(6, settled.Code)
    let! settled = outbox ([ "settle"; key ] @ earnest)
    Assert.Equal(2, settled.Code)
    let! _ = bench.Store.Record [ claimed.Head, GivenUp("refused", None) ] bench.Now
    let! list = outbox [ "list"; "--state"; "dead"; "--service"; "messaging"; "--json" ]
    use document = json list
    Assert.Equal<string list>([ "version"; "commands" ], names document.RootElement)
    let command = (document.RootElement.GetProperty "commands")[0]

    Assert.Equal<string list>(
        [
            "id"
            "key"
            "kind"
            "service"
            "state"
            "attempts"
            "queued_at"
            "wake"
            "ended_at"
            "reason"
        ],
        names command
    )

    Assert.Equal(key, string ((command.GetProperty "key").GetString()))
    let! missing = outbox [ "show"; "no/such/key" ]
    Assert.Equal(5, missing.Code)
    let! shown = outbox [ "show"; key; "--json" ]
    use document = json shown
    Assert.False(fst (document.RootElement.TryGetProperty "action"))
    let! retried = outbox ([ "retry"; "--all-dead" ] @ earnest)
    Assert.Equal(0, retried.Code)
    let! cancelled = outbox ([ "cancel"; "2" ] @ earnest)
    Assert.Equal(0, cancelled.Code)
    let! states = bench.Database.Rows "SELECT id, state FROM bot.outbox"
    Assert.Equal<string list list>([ [ "1"; "ready" ] ], states)
    do! expectSound (operationsOf bench)
}

[<Fact>]
let ``check and status tell what is wrong by exit code and as JSON`` () : Task = task {
    use! bench = startBench ()
    do! converse bench "ES.1" "w1" "hola"
    let! check = on bench.Database [ "db"; "check" ]
    Assert.True((check.Code = 0), check.Results)
    let! status = on bench.Database [ "status"; "--json" ]
    Assert.Equal(0, status.Code)
    use document = json status

    Assert.Equal<string list>(
        [
            "version"
            "at"
            "accounting"
            "dead_letters"
            "open_commands"
            "services"
            "sessions_by_phase"
            "last_received"
            "last_activity"
            "database"
        ],
        names document.RootElement
    )

    let accounting = document.RootElement.GetProperty "accounting"
    Assert.Equal(1, (accounting.GetProperty "received").GetInt32())
    Assert.Equal(0, (accounting.GetProperty "unaccounted").GetInt32())

    Assert.Equal(
        1,
        ((document.RootElement.GetProperty "sessions_by_phase").GetProperty "conversing").GetInt32()
    )

    do! bench.Database.Execute "DELETE FROM bot.inbox_end"
    let! status = on bench.Database [ "status" ]
    Assert.Equal(0, status.Code)
    do! bench.Database.Execute "UPDATE bot.tally SET amount = 0 WHERE what = 'applied'"
    let! status = on bench.Database [ "status" ]
    Assert.Equal(1, status.Code)
    Assert.Contains("bot db check", status.Talk)
    let! check = on bench.Database [ "db"; "check"; "--json" ]
    Assert.Equal(1, check.Code)
    use document = json check
    Assert.Equal<string list>([ "version"; "ok"; "checks" ], names document.RootElement)

    let failed = [
        for finding in (document.RootElement.GetProperty "checks").EnumerateArray() do
            if not ((finding.GetProperty "ok").GetBoolean()) then
                string ((finding.GetProperty "name").GetString())
    ]

    Assert.Contains("every entry of the inbox stands in one place", failed)
    Assert.Contains("what was received is what ended and what is pending", failed)
}

[<Fact>]
let ``status looks again until it is stopped`` () : Task = task {
    use! bench = startBench ()
    let folder = Directory.CreateTempSubdirectory("functionalbot-watch-").FullName

    let watching =
        Stage.launch (Map [ "DATABASE_URL", bench.Database.ConnectionString ]) folder [
            "status"
            "--watch"
            "2"
            "--json"
        ]

    try
        let lines () =
            watching.Output.Split '\n' |> Array.filter (fun line -> line.StartsWith "{")

        do!
            Stage.eventually "two looks" (fun () -> task {
                return if (lines ()).Length >= 2 then Some() else None
            })

        use document = JsonDocument.Parse((lines ())[1])
        Assert.Equal(1, (document.RootElement.GetProperty "version").GetInt32())
    finally
        watching.Kill().GetAwaiter().GetResult()
        Directory.Delete(folder, true)
}

[<Theory>]
[<InlineData("2026-11-02", "2026-11-02T00:00:00Z")>]
[<InlineData("2026-11-02T09:30", "2026-11-02T09:30:00Z")>]
[<InlineData("2026-11-02T09:30+01:00", "2026-11-02T08:30:00Z")>]
[<InlineData("90s", "2026-11-02T08:58:30Z")>]
[<InlineData("2h", "2026-11-02T07:00:00Z")>]
[<InlineData("7d", "2026-10-26T09:00:00Z")>]
let ``times are read as dates in UTC or as ages`` (text: string) (expected: string) =
    Assert.Equal(Ok(DateTimeOffset.Parse expected), FunctionalBot.Web.Moment.read start text)

[<Theory>]
[<InlineData("")>]
[<InlineData("h")>]
[<InlineData("-2h")>]
[<InlineData("2026-13-01")>]
[<InlineData("yesterday")>]
[<InlineData("99999999999d")>]
let ``what is no time is said to be none`` (text: string) =
    Assert.True(Result.isError (FunctionalBot.Web.Moment.read start text))
