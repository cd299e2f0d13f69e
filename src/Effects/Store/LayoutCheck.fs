namespace FunctionalBot.Effects.Store

open FunctionalBot.Effects

/// Something that must hold in the database.
type DatabaseCheck = {
    Name: string
    /// The rule of Marten's layout that it checks, 1 to 10; None for the bot's own books.
    Rule: int option
    /// SQL with one text column: a row for each offence, naming numbers and nothing of a customer.
    Offences: string
}

/// The ten rules that a store must keep so that Marten can open it, as checks over the catalogue, the indexes and the
/// rows. A Marten host may have been here: what it adds by itself is no offence.
module LayoutCheck =
    let private rule number name offences = {
        Name = name
        Rule = Some number
        Offences = offences
    }

    let private tables =
        "('mt_streams', 'mt_events', 'mt_event_progression', 'mt_high_water_skips')"

    /// Columns that Marten's own options add to mt_events.
    let private optional =
        "('correlation_id', 'causation_id', 'headers', 'user_name', 'is_skipped', 'tags')"

    let private columns =
        $"WITH wanted(relation, name, type, required) AS (VALUES
            ('mt_streams', 'id', 'varchar', 'NO'), ('mt_streams', 'type', 'varchar', 'YES'),
            ('mt_streams', 'version', 'int8', 'YES'), ('mt_streams', 'timestamp', 'timestamptz', 'NO'),
            ('mt_streams', 'created', 'timestamptz', 'NO'), ('mt_streams', 'tenant_id', 'varchar', 'YES'),
            ('mt_streams', 'is_archived', 'bool', 'YES'), ('mt_events', 'seq_id', 'int8', 'NO'),
            ('mt_events', 'id', 'uuid', 'NO'), ('mt_events', 'stream_id', 'varchar', 'YES'),
            ('mt_events', 'version', 'int8', 'NO'), ('mt_events', 'data', 'jsonb', 'NO'),
            ('mt_events', 'bdata', 'bytea', 'YES'), ('mt_events', 'type', 'varchar', 'NO'),
            ('mt_events', 'timestamp', 'timestamptz', 'NO'), ('mt_events', 'tenant_id', 'varchar', 'YES'),
            ('mt_events', 'mt_dotnet_type', 'varchar', 'YES'), ('mt_events', 'is_archived', 'bool', 'YES'),
            ('mt_event_progression', 'name', 'varchar', 'NO'),
            ('mt_event_progression', 'last_seq_id', 'int8', 'YES'),
            ('mt_event_progression', 'last_updated', 'timestamptz', 'YES'),
            ('mt_high_water_skips', 'ending_sequence', 'int8', 'NO'),
            ('mt_high_water_skips', 'starting_sequence', 'int8', 'NO'),
            ('mt_high_water_skips', 'timestamp', 'timestamptz', 'YES')),
        found AS (
            SELECT table_name::text AS relation, column_name::text AS name, udt_name::text AS type,
                is_nullable::text AS required
            FROM information_schema.columns WHERE table_schema = 'public' AND table_name IN %s{tables})
        SELECT w.relation || '.' || w.name || ' is missing'
        FROM wanted w LEFT JOIN found f USING (relation, name) WHERE f.name IS NULL
        UNION ALL
        SELECT f.relation || '.' || f.name || ' is ' || f.type || ', nullable ' || f.required || ', and should be '
            || w.type || ', nullable ' || w.required
        FROM wanted w JOIN found f USING (relation, name) WHERE (f.type, f.required) <> (w.type, w.required)
        UNION ALL
        SELECT f.relation || '.' || f.name || ' does not belong to the layout; Marten would drop it'
        FROM found f LEFT JOIN wanted w USING (relation, name)
        WHERE w.name IS NULL AND NOT (f.relation = 'mt_events' AND f.name IN %s{optional})"

    let private constraints =
        $"WITH wanted(name, definition) AS (VALUES
            ('pkey_mt_streams_id', 'PRIMARY KEY (id)'), ('pkey_mt_events_seq_id', 'PRIMARY KEY (seq_id)'),
            ('fkey_mt_events_stream_id',
                'FOREIGN KEY (stream_id) REFERENCES mt_streams(id) ON DELETE CASCADE'),
            ('pk_mt_event_progression', 'PRIMARY KEY (name)'),
            ('pkey_mt_high_water_skips_ending_sequence', 'PRIMARY KEY (ending_sequence)')),
        ours AS (
            SELECT oid, relname FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname IN %s{tables}),
        found AS (
            SELECT c.conname::text AS name, replace(pg_get_constraintdef(c.oid), 'public.', '') AS definition
            FROM pg_constraint c JOIN ours ON ours.oid = c.conrelid WHERE c.contype <> 'n'),
        indexes AS (
            SELECT i.relname::text AS name, x.indisunique AS is_unique,
                regexp_replace(pg_get_indexdef(x.indexrelid), '^.* USING ', '') AS definition
            FROM pg_index x JOIN ours ON ours.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid)
        SELECT 'the constraint ' || w.name || ' is missing or another: it should be ' || w.definition
        FROM wanted w LEFT JOIN found f USING (name) WHERE f.definition IS DISTINCT FROM w.definition
        UNION ALL
        SELECT 'the constraint ' || name || ' does not belong to the layout' FROM found
        WHERE name NOT IN (SELECT name FROM wanted)
        UNION ALL
        SELECT 'the unique index pk_mt_events_stream_and_version (stream_id, version) is missing'
        WHERE NOT EXISTS (SELECT 1 FROM indexes WHERE name = 'pk_mt_events_stream_and_version'
            AND is_unique AND definition = 'btree (stream_id, version)')
        UNION ALL
        SELECT 'the index ' || name || ' does not belong to the layout; Marten would drop it' FROM indexes
        WHERE name NOT IN (SELECT name FROM found) AND name NOT IN
            ('pk_mt_events_stream_and_version', 'idx_mt_events_event_id', 'idx_mt_events_event_type_seq_id')
        UNION ALL
        SELECT 'the trigger ' || t.tgname || ' on ' || ours.relname || ' does not belong to the layout'
        FROM pg_trigger t JOIN ours ON ours.oid = t.tgrelid WHERE NOT t.tgisinternal
        UNION ALL
        SELECT 'bot.' || relname || ' has a name that only Marten''s tables may have'
        FROM pg_class WHERE relnamespace = 'bot'::regnamespace AND starts_with(relname, 'mt_')"

    let private functions =
        "SELECT 'the function public.' || proname || ' stands there, but no Marten host has been here' FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND starts_with(proname, 'mt_')
            AND to_regclass('public.mt_doc_deadletterevent') IS NULL
        UNION ALL
        SELECT 'the function bot.' || proname || ' is named like or calls a function of Marten' FROM pg_proc
        WHERE pronamespace = 'bot'::regnamespace AND (starts_with(proname, 'mt_') OR prosrc ~ '\\mmt_\\w+\\s*\\(')
        UNION ALL
        SELECT 'the view bot.' || viewname || ' calls a function of Marten' FROM pg_views
        WHERE schemaname = 'bot' AND definition ~ '\\mmt_\\w+\\s*\\('"

    /// Streams that Marten compacted begin with what their first events were folded into.
    let private versions =
        "SELECT 'the stream of event ' || min(seq_id) || ' has ' || count(*) || ' events up to version ' || max(version)
        FROM public.mt_events WHERE stream_id <> 'mt_tombstone' GROUP BY stream_id
        HAVING (count(*) <> max(version) OR min(version) <> 1) AND NOT bool_or(starts_with(type, 'compacted'))
        UNION ALL
        SELECT 'a stream says version ' || coalesce(s.version::text, 'null') || ', its events end at '
            || coalesce(e.last, 0) || coalesce(' (event ' || e.number || ')', '')
        FROM public.mt_streams s LEFT JOIN (
            SELECT stream_id, max(version) AS last, max(seq_id) AS number FROM public.mt_events GROUP BY stream_id) e
            ON e.stream_id = s.id
        WHERE s.id <> 'mt_tombstone' AND s.version IS DISTINCT FROM coalesce(e.last, 0)
        UNION ALL
        SELECT 'event ' || seq_id || ' is older by its number than an earlier version of its stream' FROM (
            SELECT seq_id, lag(seq_id) OVER (PARTITION BY stream_id ORDER BY version) AS before
            FROM public.mt_events WHERE stream_id <> 'mt_tombstone') o
        WHERE before > seq_id"

    let private written =
        "SELECT 'event ' || seq_id || ': ' || concat_ws(', ',
            CASE WHEN stream_id IS NULL THEN 'no stream' END,
            CASE WHEN version < 1 THEN 'its version is below 1' END,
            CASE WHEN mt_dotnet_type IS NULL THEN 'no mt_dotnet_type' END,
            CASE WHEN tenant_id IS DISTINCT FROM '*DEFAULT*' THEN 'another tenant_id' END,
            CASE WHEN is_archived IS NULL THEN 'is_archived is null' END,
            CASE WHEN bdata IS NOT NULL THEN 'bdata is filled' END)
        FROM public.mt_events
        WHERE stream_id IS NULL OR (starts_with(stream_id, 'session/') AND (version < 1 OR mt_dotnet_type IS NULL
            OR tenant_id IS DISTINCT FROM '*DEFAULT*' OR is_archived IS NULL OR bdata IS NOT NULL))
        UNION ALL
        SELECT 'events ' || min(seq_id) || ' and ' || max(seq_id) || ' have the same id'
        FROM public.mt_events GROUP BY id HAVING count(*) > 1
        UNION ALL
        SELECT 'the stream of event ' || e.number || ': ' || concat_ws(', ',
            CASE WHEN s.tenant_id IS DISTINCT FROM '*DEFAULT*' THEN 'another tenant_id' END,
            CASE WHEN s.is_archived IS NULL THEN 'is_archived is null' END,
            CASE WHEN s.timestamp < e.newest THEN 'its timestamp is older than its last event' END)
        FROM public.mt_streams s JOIN (
            SELECT stream_id, max(seq_id) AS number, max(timestamp) AS newest
            FROM public.mt_events GROUP BY stream_id) e ON e.stream_id = s.id
        WHERE starts_with(s.id, 'session/') AND (s.tenant_id IS DISTINCT FROM '*DEFAULT*' OR s.is_archived IS NULL
            OR s.timestamp < e.newest)"

    let private shapes =
        "SELECT 'event ' || seq_id || ' is no JSON object' FROM public.mt_events
        WHERE starts_with(stream_id, 'session/') AND jsonb_typeof(data) <> 'object'
        UNION ALL
        SELECT 'event ' || e.seq_id || ' (' || e.type || ') has a key that is not in PascalCase, or is a union'
        FROM public.mt_events e WHERE starts_with(e.stream_id, 'session/') AND EXISTS (
            SELECT 1 FROM jsonb_path_query(e.data,
                'strict $.** ? (@.type() == \"object\").keyvalue().key') AS k(key)
            WHERE k.key #>> '{}' !~ '^[A-Z][A-Za-z0-9]*$' OR k.key #>> '{}' = 'Case')"

    /// Other streams in the database are another program's, and may hold what they will. What Marten itself puts into
    /// a stream that it archives or compacts is no event of a conversation, and the engine cannot fold it.
    let private readable (aliases: string seq) =
        let known =
            aliases |> Seq.map (fun alias -> "'" + alias + "'") |> String.concat ", "

        $"SELECT count(*) || ' events are of the type ' || type || ', which this build cannot read'
        FROM public.mt_events WHERE starts_with(stream_id, 'session/') AND type NOT IN (%s{known})
        GROUP BY type
        UNION ALL
        SELECT 'event ' || e.seq_id || ' is archived and its stream is not, or the other way round'
        FROM public.mt_events e JOIN public.mt_streams s ON s.id = e.stream_id
        WHERE starts_with(s.id, 'session/') AND e.is_archived IS DISTINCT FROM s.is_archived"

    let private progress =
        "SELECT 'mt_event_progression has a row ' || quote_literal(name) || ', which is neither Marten''s nor ours'
        FROM public.mt_event_progression
        WHERE split_part(name, ':', 1) NOT IN ('HighWaterMark', 'HighWaterAllocationFence', 'HighWaterStuckGap')
            AND (CASE WHEN starts_with(name, 'bot/') THEN name LIKE '%:All%' ELSE name NOT LIKE '%:%' END)
        UNION ALL
        SELECT 'the progress ' || quote_literal(name) || ' is at ' || last_seq_id || ', beyond the last event number'
        FROM public.mt_event_progression, public.mt_events_sequence WHERE last_seq_id > last_value"

    let private sequence =
        "SELECT 'mt_events_sequence should count by 1, without a cache and without a cycle' FROM pg_sequence
        WHERE seqrelid = 'public.mt_events_sequence'::regclass AND (seqincrement <> 1 OR seqcache <> 1 OR seqcycle)
        UNION ALL
        SELECT 'mt_events_sequence is not owned by mt_events.seq_id' WHERE NOT EXISTS (
            SELECT 1 FROM pg_depend d
            JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
            WHERE d.objid = 'public.mt_events_sequence'::regclass AND d.deptype = 'a'
                AND d.refobjid = 'public.mt_events'::regclass AND a.attname = 'seq_id')
        UNION ALL
        SELECT 'mt_events_sequence is at ' || last_value || ', behind event ' || number
        FROM public.mt_events_sequence, (SELECT max(seq_id) AS number FROM public.mt_events) e
        WHERE number > last_value
        UNION ALL
        SELECT 'mt_events.seq_id has a default; its writer must take the number late and by itself'
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'mt_events'
            AND column_name = 'seq_id' AND column_default IS NOT NULL
        UNION ALL
        SELECT 'mt_high_water_skips has a range that ends at ' || ending_sequence || ' before it begins'
        FROM public.mt_high_water_skips WHERE starting_sequence > ending_sequence"

    let private metadata =
        "SELECT 'mt_events has ' || string_agg(column_name, ', ') || ' and not all three columns of metadata'
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'mt_events'
            AND column_name IN ('correlation_id', 'causation_id', 'headers')
        HAVING count(*) IN (1, 2)"

    let private identity =
        "SELECT table_name || '.' || column_name || ' is ' || udt_name || ': streams are not named by text'
        FROM information_schema.columns WHERE table_schema = 'public' AND udt_name <> 'varchar'
            AND (table_name, column_name) IN (('mt_streams', 'id'), ('mt_events', 'stream_id'))
        UNION ALL
        SELECT 'mt_streams is laid out for several tenants' FROM pg_constraint
        WHERE conrelid = to_regclass('public.mt_streams') AND contype = 'p' AND cardinality(conkey) > 1
        UNION ALL
        SELECT count(*) || ' streams belong to the tenant ' || coalesce(quote_literal(tenant_id), 'null')
        FROM public.mt_streams WHERE tenant_id IS DISTINCT FROM '*DEFAULT*' GROUP BY tenant_id
        UNION ALL
        SELECT 'mt_streams.' || column_name || ' is of Marten 8 or older' FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name = 'mt_streams'
            AND column_name IN ('snapshot', 'snapshot_version')
        UNION ALL
        SELECT 'mt_events has no bdata, as in Marten 8 or older' WHERE NOT EXISTS (
            SELECT 1 FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'mt_events'
                AND column_name = 'bdata')"

    /// The ten rules, each with what would break it.
    let all: DatabaseCheck list = [
        rule 1 "Marten's tables have its columns and nothing more" columns
        rule 1 "Marten's tables have its constraints and indexes and nothing more" constraints
        rule 2 "no function of Marten's is made or called by us" functions
        rule 3 "versions of each stream are 1, 2, 3… and its row says the last" versions
        rule 4 "every column that must be written is written" written
        rule 5 "events are plain records in PascalCase" shapes
        rule 6 "all that lies in our streams can be read" (readable Codec.aliases)
        rule 7 "progress has names that fit Marten's" progress
        rule 8 "event numbers are taken one by one" sequence
        rule 9 "columns of metadata are all there or none" metadata
        rule 10 "it is the layout of Marten 9 for named streams and one tenant" identity
    ]
