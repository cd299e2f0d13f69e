/// The verbs for operators as the built program runs them: exit codes, JSON, and databases that cannot be used.
module FunctionalBot.Tests.OperatingTests

open System
open System.Threading.Tasks
open Npgsql
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.BotRuns
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.OperationScenes

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
