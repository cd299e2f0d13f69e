module FunctionalBot.Tests.MigrationTests

open System.Threading.Tasks
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture

let private unpack result =
    match result with
    | Ok value -> value
    | Error problem -> failwith (Migrations.explain problem)

[<Fact>]
let ``two programs that migrate at once apply each file once`` () : Task = task {
    use! database = createDatabase ()

    let! results =
        Task.WhenAll [ for _ in 1..4 -> Migrations.run database.ConnectionString ]

    let applied = results |> Array.map (unpack >> List.length) |> Array.sort
    Assert.Equal<int[]>([| 0; 0; 0; Migrations.all.Length |], applied)
    let! rows = database.Cell "SELECT count(*) FROM bot.migration"
    Assert.Equal(string Migrations.all.Length, rows)
    let! status = Migrations.status database.ConnectionString
    Assert.Empty((unpack status).Waiting)
}

[<Fact>]
let ``a database that is newer than the build is refused and left as it is`` () : Task = task {
    use! database = createDatabase ()
    let! _ = Migrations.run database.ConnectionString
    // Something would be waiting, too.
    do!
        database.Execute
            "DELETE FROM bot.migration WHERE number = (SELECT max(number) FROM bot.migration);
            INSERT INTO bot.migration (number, name, sha256) VALUES (999, '999-later.sql', 'x')"

    let everything () =
        database.Rows
            "SELECT 'relation', oid::text, relname, '' FROM pg_class
            WHERE relnamespace::regnamespace::text <> 'pg_toast'
            UNION ALL SELECT 'migration', number::text, name, sha256 FROM bot.migration ORDER BY 1, 2"

    let! before = everything ()
    let! result = Migrations.run database.ConnectionString
    Assert.Equal(Error(DatabaseIsNewer(999, "999-later.sql")), result)
    let! after = everything ()
    Assert.Equal<string list list>(before, after)
}

[<Fact>]
let ``a role that may do half of it changes nothing`` () : Task = task {
    use! database = createDatabase ()
    let role = "bot_test_" + System.Guid.NewGuid().ToString "N"

    // As PostgreSQL 15 gives it to whom it does not know: schemas may be made, but nothing in "public".
    do!
        database.Execute
            $"CREATE ROLE %s{role} LOGIN PASSWORD 'invented'; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
            DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %%I TO %s{role}', current_database()); END $$"

    try
        let as' =
            Npgsql
                .NpgsqlConnectionStringBuilder(
                    database.ConnectionString,
                    Username = role,
                    Password = "invented"
                )
                .ConnectionString

        match! Migrations.run as' with
        | Error(RightsAreMissing _) -> ()
        | other -> failwith $"%A{other}"

        let! schemas =
            database.Cell "SELECT count(*) FROM pg_namespace WHERE nspname = 'bot'"

        Assert.Equal("0", schemas)
    finally
        (database.Execute $"DROP OWNED BY %s{role} CASCADE; DROP ROLE %s{role}").GetAwaiter().GetResult()
}

[<Fact>]
let ``a file may take longer than a statement of the bot`` () : Task = task {
    use! database = createDatabase ()

    let slow = {
        Number = 900
        Name = "900-slow.sql"
        Sql = "SELECT pg_sleep(1.3)"
        Sha256 = "x"
    }

    match!
        Migrations.runThese (Migrations.all @ [ slow ]) (database.ConnectionString + ";Command Timeout=1")
    with
    | Ok applied -> Assert.Equal(slow, List.last applied)
    | other -> failwith $"%A{other}"
}

[<Fact>]
let ``a file that was changed after it was applied is refused`` () : Task = task {
    use! database = createDatabase ()
    let! _ = Migrations.run database.ConnectionString
    do! database.Execute "UPDATE bot.migration SET sha256 = 'other' WHERE number = 1"
    let! result = Migrations.run database.ConnectionString
    Assert.Equal(Error(FileWasChanged Migrations.all.Head.Name), result)
}

[<Fact>]
let ``a file that fails leaves nothing behind and names itself`` () : Task = task {
    use! database = createDatabase ()

    let broken = {
        Number = 900
        Name = "900-broken.sql"
        Sql = "CREATE TABLE bot.half (id int); SELECT 1/0;"
        Sha256 = "x"
    }

    match! Migrations.runThese (Migrations.all @ [ broken ]) database.ConnectionString with
    | Error(FileFailed(name, message)) ->
        Assert.Equal("900-broken.sql", name)
        Assert.Contains("division by zero", message)
    | other -> failwith $"%A{other}"

    let! half = database.Cell "SELECT to_regclass('bot.half') IS NULL"
    Assert.Equal("True", half)
    // What went before stays, and the next run goes on from there.
    let! again = Migrations.run database.ConnectionString
    Assert.Empty(unpack again)
}

[<Fact>]
let ``a server that is not there is an error that says what to check`` () : Task = task {
    match! Migrations.run "Host=127.0.0.1;Port=1;Username=nobody;Timeout=2" with
    | Error(DatabaseUnreachable _ as problem) -> Assert.Contains("DATABASE_URL", Migrations.explain problem)
    | other -> failwith $"%A{other}"
}

[<Fact>]
let ``Marten's tables have exactly its columns, constraints, indexes and sequence`` () : Task = task {
    use! database = createDatabase ()
    let! _ = Migrations.run database.ConnectionString

    let! columns =
        database.Rows
            "SELECT table_name, string_agg(column_name || ' ' || udt_name ||
                CASE is_nullable WHEN 'NO' THEN '!' ELSE '' END,
                ', ' ORDER BY ordinal_position)
            FROM information_schema.columns WHERE table_schema = 'public' GROUP BY 1 ORDER BY 1"

    let expected = [
        [
            "mt_event_progression"
            "name varchar!, last_seq_id int8, last_updated timestamptz"
        ]
        [
            "mt_events"
            "seq_id int8!, id uuid!, stream_id varchar, version int8!, data jsonb!, bdata bytea, "
            + "type varchar!, timestamp timestamptz!, tenant_id varchar, "
            + "mt_dotnet_type varchar, is_archived bool"
        ]
        [
            "mt_high_water_skips"
            "ending_sequence int8!, starting_sequence int8!, timestamp timestamptz"
        ]
        [
            "mt_streams"
            "id varchar!, type varchar, version int8, timestamp timestamptz!, created timestamptz!, "
            + "tenant_id varchar, is_archived bool"
        ]
    ]

    Assert.Equal<string list list>(expected, columns)

    let! constraints =
        database.Rows
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace ORDER BY 1"

    Assert.Equal<string list list>(
        [
            [
                "fkey_mt_events_stream_id"
                "FOREIGN KEY (stream_id) REFERENCES mt_streams(id) ON DELETE CASCADE"
            ]
            [ "pk_mt_event_progression"; "PRIMARY KEY (name)" ]
            [ "pkey_mt_events_seq_id"; "PRIMARY KEY (seq_id)" ]
            [ "pkey_mt_high_water_skips_ending_sequence"; "PRIMARY KEY (ending_sequence)" ]
            [ "pkey_mt_streams_id"; "PRIMARY KEY (id)" ]
        ],
        constraints
    )

    let! indexes =
        database.Rows
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'
            EXCEPT SELECT conname FROM pg_constraint ORDER BY 1"

    Assert.Equal<string list list>([ [ "pk_mt_events_stream_and_version" ] ], indexes)

    let! sequence =
        database.Rows
            "SELECT s.seqincrement, s.seqcache, a.attname FROM pg_sequence s
            JOIN pg_depend d ON d.objid = s.seqrelid AND d.deptype = 'a'
            JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
            WHERE s.seqrelid = 'public.mt_events_sequence'::regclass"

    Assert.Equal<string list list>([ [ "1"; "1"; "seq_id" ] ], sequence)

    let! functions =
        database.Cell "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"

    Assert.Equal("0", functions)
}

/// An empty queue's statistics make each index look as good as any other. Whoever then looks rows up by their only
/// key must find no second index that answers to it, behind columns of which nothing is asked.
[<Fact>]
let ``what tells a row apart alone is looked up in no other index`` () : Task = task {
    use! database = createDatabase ()
    let! _ = Migrations.run database.ConnectionString

    let! twice =
        database.Rows
            "SELECT other.indexrelid::regclass::text
            FROM pg_index alone JOIN pg_index other USING (indrelid)
            JOIN pg_class held ON held.oid = other.indrelid
            WHERE held.relnamespace = 'bot'::regnamespace AND alone.indisprimary AND alone.indnkeyatts = 1
                AND other.indexrelid <> alone.indexrelid AND other.indnkeyatts > 1
                AND alone.indkey[0] = ANY ((other.indkey::int2[])[1:other.indnkeyatts - 1])
            ORDER BY 1"

    Assert.Equal<string list list>([], twice)
}
