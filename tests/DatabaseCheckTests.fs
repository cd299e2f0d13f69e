/// The ten rules of Marten's layout and the bot's books, checked over a database in which conversations were played;
/// and each check seen to fail when what it is for is broken.
module FunctionalBot.Tests.DatabaseCheckTests

open System
open System.Threading.Tasks
open Npgsql
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.OperationScenes

/// Conversations with the real core: answers, a ticket, one closed by silence and opened again, and things left open.
let private play (bench: Bench) : Task = task {
    for customer in [ "ES.1"; "ES.2" ] do
        for number, text in
            [
                1, "hola"
                2, "quiero abrir un ticket"
                3, "La taladradora no enciende"
                4, "Hace ruido y se para"
            ] do
            do! converse bench customer $"%s{customer}.%d{number}" text
            bench.Pass(TimeSpan.FromSeconds 5.)

    for service in [ Messaging; Assisting; Ticketing ] do
        let! claimed = bench.Store.Claim service 100 bench.Now (TimeSpan.FromSeconds 30.)

        let! _ =
            bench.Store.Record [ for command in claimed -> command, Done None ] bench.Now

        ()

    bench.Pass(TimeSpan.FromHours 2.)
    let! _ = bench.Store.FireTimers 10 bench.Now
    let! _ = bench.Store.Decide 10 (decideAt bench.Now)
    do! converse bench "ES.1" "ES.1.5" "hola otra vez"
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.2" "ES.2.5" bench.Now "¿y lo mío?" ] ]
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.2" "ES.2.5" bench.Now "¿y lo mío?" ] ]
}

/// The names of the checks that find something, asked in the transaction; what a check cannot even ask counts too.
let private failing (connection: NpgsqlConnection) (transaction: NpgsqlTransaction) = task {
    let names = ResizeArray()

    for check in LayoutCheck.all @ BooksCheck.all do
        do! transaction.SaveAsync "before_the_check"

        try
            use command =
                new NpgsqlCommand($"SELECT count(*) FROM (%s{check.Offences}) AS o(offence)", connection)

            let! count = command.ExecuteScalarAsync()

            if string<obj | null> count <> "0" then
                names.Add check.Name
        with :? PostgresException ->
            do! transaction.RollbackAsync "before_the_check"
            names.Add check.Name

    return List.ofSeq names
}

let private nameOf rule part =
    let found =
        LayoutCheck.all @ BooksCheck.all
        |> List.filter (fun check -> check.Rule = rule && check.Name.Contains(part: string))

    (Assert.Single found).Name

/// What is broken, and the check that must see it.
let private breaks: (int option * string * string) list = [
    Some 1, "columns", "ALTER TABLE mt_events ADD COLUMN note text"
    Some 1, "columns", "ALTER TABLE mt_streams ALTER COLUMN version SET NOT NULL"
    Some 1, "columns", "ALTER TABLE mt_high_water_skips DROP COLUMN timestamp"
    Some 1, "columns", "DROP TABLE mt_high_water_skips"
    Some 1, "constraints", "CREATE INDEX ours ON mt_events (type)"
    Some 1, "constraints", "DROP INDEX pk_mt_events_stream_and_version"
    Some 1, "constraints", "ALTER TABLE mt_events DROP CONSTRAINT fkey_mt_events_stream_id"
    Some 1, "constraints", "ALTER TABLE mt_streams ADD CONSTRAINT ours CHECK (version >= 0)"
    Some 1, "constraints", "CREATE TABLE bot.mt_ours (id int)"
    Some 1,
    "constraints",
    "CREATE FUNCTION bot.look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
     CREATE TRIGGER look BEFORE INSERT ON mt_events FOR EACH ROW EXECUTE FUNCTION bot.look()"
    Some 2, "", "CREATE FUNCTION public.mt_archive_stream(text) RETURNS void LANGUAGE sql AS 'SELECT'"
    Some 2,
    "",
    "CREATE FUNCTION bot.append() RETURNS void LANGUAGE plpgsql AS
        'BEGIN PERFORM mt_quick_append_events(1); END'"
    Some 3, "", "DELETE FROM mt_events WHERE version = 2"
    Some 3, "", "DELETE FROM mt_events WHERE version = 1"
    Some 3, "", "UPDATE mt_streams SET version = version + 1"
    Some 3, "", "UPDATE mt_streams SET version = NULL"
    Some 3, "", "UPDATE mt_events SET seq_id = -1 WHERE seq_id = (SELECT max(seq_id) FROM mt_events)"
    Some 4, "", "UPDATE mt_events SET mt_dotnet_type = NULL WHERE version = 1"
    Some 4, "", "UPDATE mt_events SET tenant_id = NULL WHERE version = 1"
    Some 4, "", "UPDATE mt_events SET is_archived = NULL WHERE version = 1"
    Some 4, "", "UPDATE mt_events SET bdata = '\\x00' WHERE version = 1"
    Some 4, "", "UPDATE mt_events SET stream_id = NULL WHERE version = 1"
    Some 4, "", "UPDATE mt_events SET id = '00000000-0000-0000-0000-000000000001'"
    Some 4, "", "UPDATE mt_streams SET timestamp = timestamp - interval '1 day'"
    Some 4, "", "UPDATE mt_streams SET is_archived = NULL"
    Some 5, "", "UPDATE mt_events SET data = data || '{\"text\": 1}' WHERE version = 2"
    Some 5, "", "UPDATE mt_events SET data = data || '{\"Inner\": [{\"$type\": \"x\"}]}' WHERE version = 2"
    Some 5, "", "UPDATE mt_events SET data = data || '{\"Case\": \"x\"}' WHERE version = 2"
    Some 5, "", "UPDATE mt_events SET data = '[]' WHERE version = 2"
    Some 6, "", "UPDATE mt_events SET type = 'from_the_future' WHERE version = 2"
    Some 6, "", "UPDATE mt_events SET type = 'tombstone' WHERE version = 2"
    Some 6, "", "UPDATE mt_events SET type = 'archived' WHERE version = 2"
    Some 6, "", "UPDATE mt_events SET type = 'compacted_session' WHERE version = 2"
    Some 6, "", "UPDATE mt_streams SET is_archived = true"
    Some 7, "", "INSERT INTO mt_event_progression VALUES ('ours', 0)"
    Some 7, "", "INSERT INTO mt_event_progression VALUES ('bot/ours:All', 0)"
    Some 7, "", "INSERT INTO mt_event_progression VALUES ('HighWaterMark', 1000000)"
    Some 8, "", "ALTER SEQUENCE mt_events_sequence CACHE 10"
    Some 8, "", "ALTER SEQUENCE mt_events_sequence OWNED BY NONE"
    Some 8, "", "ALTER SEQUENCE mt_events_sequence RESTART 1"
    Some 8, "", "ALTER TABLE mt_events ALTER COLUMN seq_id SET DEFAULT nextval('mt_events_sequence')"
    Some 8, "", "INSERT INTO mt_high_water_skips (ending_sequence, starting_sequence) VALUES (10, 18)"
    Some 8, "", "DROP SEQUENCE mt_events_sequence"
    Some 9, "", "ALTER TABLE mt_events ADD COLUMN correlation_id varchar, ADD COLUMN headers jsonb"
    Some 10, "", "ALTER TABLE mt_events ALTER COLUMN stream_id TYPE text"
    Some 10, "", "ALTER TABLE mt_streams ADD COLUMN snapshot jsonb"
    Some 10, "", "ALTER TABLE mt_events DROP COLUMN bdata"
    Some 10, "", "UPDATE mt_streams SET tenant_id = 'another'"
    Some 10,
    "",
    "ALTER TABLE mt_events DROP CONSTRAINT fkey_mt_events_stream_id;
     ALTER TABLE mt_streams DROP CONSTRAINT pkey_mt_streams_id;
     ALTER TABLE mt_streams ADD CONSTRAINT pkey_mt_streams_tenant_id_id PRIMARY KEY (tenant_id, id)"
    None, "was received", "UPDATE bot.tally SET amount = amount + 1 WHERE what = 'received'"
    None, "was received", "DELETE FROM bot.inbox_pending"
    None, "counters", "UPDATE bot.tally SET amount = amount + 1 WHERE what = 'command-done'"
    None, "counters", "DELETE FROM bot.tally WHERE what = 'applied'"
    None, "counters", "DELETE FROM bot.inbox WHERE id = 2"
    None, "counters", "DELETE FROM bot.command_end WHERE id = (SELECT max(id) FROM bot.command_end)"
    // Rows that the counters never saw are found however much was forgotten.
    None,
    "counters",
    "UPDATE bot.tally SET day = '0001-01-01', shard = 0 WHERE what = 'applied';
     UPDATE bot.tally SET amount = amount - 1 WHERE what = 'applied'"
    None, "one place", "DELETE FROM bot.inbox_pending"
    None, "one place", "DELETE FROM bot.inbox_end WHERE id = 1"
    None,
    "one place",
    "INSERT INTO bot.inbox_end (id, state, at) SELECT id, 'dead', now() FROM bot.inbox_pending"
    None, "one place", "DELETE FROM bot.inbox"
    None, "one place", "DELETE FROM bot.contact WHERE customer = 'ES.2'"
    None, "open or ended", "DELETE FROM bot.outbox"
    None,
    "open or ended",
    "INSERT INTO bot.command_end (id, state, attempts, at) SELECT id, 'done', 1, now() FROM bot.outbox"
    None, "open or ended", "DELETE FROM bot.command"
    None, "timer", "UPDATE bot.timer SET stream = 'session/whatsapp-1/ES.9/1'"
    None, "saved sessions", "UPDATE bot.session SET version = version + 1"
    None, "saved sessions", "UPDATE bot.contact SET current_ordinal = current_ordinal + 1"
    None, "saved sessions", "UPDATE bot.session SET stream = stream || '9'"
    None, "merged contacts", "UPDATE bot.contact SET merged_into = 'nobody' WHERE customer = 'ES.2'"
    None, "merged contacts", "UPDATE bot.contact SET merged_into = customer WHERE customer = 'ES.2'"
]

[<Fact>]
let ``the streams that conversations write pass the ten rules, and the books are right`` () : Task = task {
    use! bench = startBench ()
    do! play bench
    let operations = operationsOf bench
    let passed = ref 0L
    let checks = LayoutCheck.all @ BooksCheck.all
    let! findings = operations.Check checks (fun count -> passed.Value <- count)
    Assert.Equal(int64 checks.Length, passed.Value)
    Assert.Equal<int list>([ 1..10 ], findings |> List.choose _.Check.Rule |> List.distinct)

    for finding in findings do
        Assert.Empty finding.Offences

    // There was something to look at.
    let! amounts =
        bench.Database.Rows
            "SELECT (SELECT count(*) > 10 FROM mt_events), (SELECT count(*) >= 3 FROM mt_streams),
                (SELECT count(*) > 0 FROM bot.outbox), (SELECT count(*) > 0 FROM bot.timer),
                (SELECT count(*) > 0 FROM bot.command_end), (SELECT count(*) = 1 FROM bot.inbox_pending)"

    Assert.Equal<string list list>([ [ for _ in 1..6 -> "True" ] ], amounts)
}

/// A decision that writes one event of each type that there is, whatever came in.
let private oneOfEach now (work: CustomerWork) : CustomerDecision =
    let plain = decideWith now (fun _ -> []) work
    let opened = plain.Events.Head

    let events =
        CodecTests.samples
        |> List.mapi (fun index fact -> {
            opened with
                Id = Guid.NewGuid()
                Version = int64 (index + 1)
                Fact = fact
        })

    let last = int64 events.Length

    {
        plain with
            Events = events
            Sessions = plain.Sessions |> List.map (fun session -> { session with Version = last })
            Endings = plain.Endings |> List.map (fun (entry, _) -> entry, Applied last)
    }

[<Fact>]
let ``events of every type pass the ten rules`` () : Task = task {
    use! bench = startBench ()
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "ES.1.1" bench.Now "hola" ] ]
    let! ended = bench.Store.Decide 10 (oneOfEach bench.Now)
    Assert.Equal(1, ended)
    let! types = bench.Database.Rows "SELECT DISTINCT type FROM mt_events"
    Assert.Equal<Set<string>>(Codec.aliases, types |> List.map List.head |> set)
    do! expectSound (operationsOf bench)
}

[<Fact>]
let ``each rule is seen to fail when the layout or the books are broken`` () : Task = task {
    use! bench = startBench ()
    do! play bench
    use connection = new NpgsqlConnection(bench.Database.ConnectionString)
    do! connection.OpenAsync()

    let within (sql: string) = task {
        use! transaction = connection.BeginTransactionAsync()

        // The role of these tests is named as our schema, which would come first.
        use breaking =
            new NpgsqlCommand("SET LOCAL search_path TO public; " + sql, connection, transaction)

        let! _ = breaking.ExecuteNonQueryAsync()
        let! found = failing connection transaction
        do! transaction.RollbackAsync()
        return found
    }

    for rule, part, sql in breaks do
        let! found = within sql
        Assert.True(List.contains (nameOf rule part) found, $"%s{sql}\nwas found by %A{found} only")

    // Nothing is broken any more, and every check had its turn.
    let! found = within "SELECT 1"
    Assert.Empty found

    Assert.Equal<Set<string>>(
        LayoutCheck.all @ BooksCheck.all |> List.map _.Name |> Set.ofList,
        breaks |> List.map (fun (rule, part, _) -> nameOf rule part) |> Set.ofList
    )
}

[<Fact>]
let ``what a Marten host leaves behind is no offence`` () : Task = task {
    use! bench = startBench ()
    do! play bench

    do!
        bench.Database.Execute
            "SET search_path TO public;
            CREATE TABLE mt_doc_deadletterevent (id uuid PRIMARY KEY, data jsonb);
            CREATE FUNCTION mt_archive_stream(text) RETURNS void LANGUAGE sql AS 'SELECT';
            INSERT INTO mt_streams (id, version) VALUES ('mt_tombstone', 0), ('order-1', 1);
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type)
            SELECT nextval('mt_events_sequence'), gen_random_uuid(), 'mt_tombstone',
                currval('mt_events_sequence'), '{}', 'tombstone';
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type)
            SELECT nextval('mt_events_sequence'), gen_random_uuid(), 'order-1', 1, '{\"lower\": 1}', 'order_placed';
            INSERT INTO mt_event_progression VALUES ('HighWaterMark', 3), ('Orders:All', 2), ('bot/ours', 1);
            ALTER TABLE mt_events ADD COLUMN correlation_id varchar, ADD COLUMN causation_id varchar,
                ADD COLUMN headers jsonb"

    do! expectSound (operationsOf bench)
}

[<Fact>]
let ``rows of days long ago may be gone`` () : Task = task {
    use! bench = startBench ()
    do! play bench
    // The oldest entries and commands with their ends, as whatever deletes old rows leaves it.
    do!
        bench.Database.Execute
            "DELETE FROM bot.inbox WHERE id <= 3; DELETE FROM bot.inbox_end WHERE id <= 3;
            DELETE FROM bot.command WHERE id IN (SELECT id FROM bot.command_end);
            DELETE FROM bot.command_end"

    do! expectSound (operationsOf bench)

    do!
        bench.Database.Execute
            "WITH gone AS (DELETE FROM bot.tally RETURNING what, amount)
            INSERT INTO bot.tally SELECT '0001-01-01', what, 0, sum(amount) FROM gone GROUP BY what"

    do! expectSound (operationsOf bench)
}

[<Fact>]
let ``a finding shows the first offences and counts them all`` () : Task = task {
    use! bench = startBench ()
    do! play bench
    do! bench.Database.Execute "UPDATE mt_events SET mt_dotnet_type = NULL; DROP SEQUENCE mt_events_sequence"
    let! events = bench.Database.Cell "SELECT count(*) FROM mt_events"
    let! findings = (operationsOf bench).Check LayoutCheck.all ignore

    let rule number =
        findings |> List.find (fun finding -> finding.Check.Rule = Some number)

    Assert.Equal((5, int64 events), ((rule 4).Offences.Length, (rule 4).Count))
    Assert.Contains("no mt_dotnet_type", (rule 4).Offences.Head)
    Assert.Contains("cannot be checked", Assert.Single (rule 8).Offences)
    // No offence names a customer.
    for finding in findings do
        for offence in finding.Offences do
            Assert.DoesNotContain("ES.", offence)
}
