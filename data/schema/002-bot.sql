-- The bot's own tables.
--
-- Inbox and outbox each are three tables: a log that is only ever added to (what came, what was asked for), a small
-- table of what is open, and a small table of how it ended. So the tables that change all the time stay small enough to
-- be in memory and cheap to vacuum, and marking something done never rewrites a wide row.
-- No foreign keys between them: all rows of one thing are written in one transaction, and a key check on bot.contact
-- would wait for the lock that serialises the work on a customer.
-- Logs and ends grow with the id; old days are deleted in batches through the BRIN indexes on time.

CREATE TABLE bot.webhook (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    sha256 bytea NOT NULL,
    verdict text NOT NULL,
    body bytea NOT NULL
);
CREATE INDEX webhook_received_at ON bot.webhook USING brin (received_at);
COMMENT ON TABLE bot.webhook IS 'Every signed webhook body as it was received';
COMMENT ON COLUMN bot.webhook.verdict IS '"read", or why the body cannot be read';

CREATE TABLE bot.contact (
    channel text NOT NULL,
    customer text NOT NULL,
    business_scoped_id text,
    phone text,
    name text,
    language text,
    current_ordinal integer NOT NULL DEFAULT 0,
    created timestamptz NOT NULL,
    last_activity timestamptz NOT NULL,
    PRIMARY KEY (channel, customer)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
CREATE UNIQUE INDEX contact_business_scoped_id ON bot.contact (channel, business_scoped_id)
    WHERE business_scoped_id IS NOT NULL;
CREATE UNIQUE INDEX contact_phone ON bot.contact (channel, phone) WHERE phone IS NOT NULL;
COMMENT ON TABLE bot.contact IS 'One customer of one channel; locking its row is the right to work on the customer';
COMMENT ON COLUMN bot.contact.current_ordinal IS 'Ordinal of the newest session, 0 before the first';

CREATE TABLE bot.inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    source_id text NOT NULL,
    webhook bigint,
    channel text,
    customer text,
    session text,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    kind text,
    fact json,
    ended text,
    reason text
);
CREATE UNIQUE INDEX inbox_source ON bot.inbox (source, source_id);
CREATE INDEX inbox_received_at ON bot.inbox USING brin (received_at);
CREATE INDEX inbox_dead ON bot.inbox (id) WHERE ended = 'dead';
COMMENT ON TABLE bot.inbox IS 'Each thing that happened, once';
COMMENT ON COLUMN bot.inbox.kind IS 'The fact''s type, as in mt_events.type; null where nothing is to be decided';
COMMENT ON COLUMN bot.inbox.fact IS 'The fact as it would lie in mt_events.data; or {"Raw": ...} of what is of no use';
COMMENT ON COLUMN bot.inbox.ended IS 'Set where it ended on arrival: settled, ignored or dead';

CREATE TABLE bot.inbox_pending (
    id bigint PRIMARY KEY,
    channel text NOT NULL,
    customer text NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    problem text
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX inbox_pending_customer ON bot.inbox_pending (channel, customer, at, id);
COMMENT ON TABLE bot.inbox_pending IS 'Inbox entries that wait to be decided';
COMMENT ON COLUMN bot.inbox_pending.tries IS 'How often deciding failed; see problem for why';

CREATE TABLE bot.inbox_end (
    id bigint PRIMARY KEY,
    state text NOT NULL,
    version bigint,
    reason text,
    at timestamptz NOT NULL
);
CREATE INDEX inbox_end_at ON bot.inbox_end USING brin (at);
CREATE INDEX inbox_end_dead ON bot.inbox_end (id) WHERE state = 'dead';
COMMENT ON TABLE bot.inbox_end IS 'How decided inbox entries ended: applied (at version), duplicate, ignored or dead';

CREATE VIEW bot.inbox_state AS
SELECT i.id, i.source, i.source_id, i.channel, i.customer, i.session, i.at, i.received_at, i.kind,
    coalesce(i.ended, e.state, CASE WHEN p.id IS NULL THEN 'lost' ELSE 'pending' END) AS state,
    e.version, coalesce(i.reason, e.reason, p.problem) AS reason
FROM bot.inbox i
LEFT JOIN bot.inbox_end e ON e.id = i.id
LEFT JOIN bot.inbox_pending p ON p.id = i.id;
COMMENT ON VIEW bot.inbox_state IS 'Inbox entries with how they ended, for people; state "lost" must never be seen';

CREATE TABLE bot.session (
    stream text PRIMARY KEY,
    version bigint NOT NULL,
    shape bigint NOT NULL,
    phase text NOT NULL,
    last_activity timestamptz NOT NULL,
    data json NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
COMMENT ON TABLE bot.session IS 'The fold of each stream; can be deleted at any time, it is rebuilt from the stream';
COMMENT ON COLUMN bot.session.shape IS 'Digest of the saved type; a row of another shape is rebuilt';

CREATE TABLE bot.command (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    channel text NOT NULL,
    customer text NOT NULL,
    session_ordinal integer NOT NULL,
    version bigint NOT NULL,
    ordinal integer NOT NULL,
    kind text NOT NULL,
    language text NOT NULL,
    queued_at timestamptz NOT NULL,
    payload json NOT NULL
);
CREATE UNIQUE INDEX command_key ON bot.command (key);
CREATE INDEX command_queued_at ON bot.command USING brin (queued_at);
COMMENT ON TABLE bot.command IS 'Everything the bot was asked to do to the world';

CREATE TABLE bot.outbox (
    id bigint PRIMARY KEY,
    channel text NOT NULL,
    customer text NOT NULL,
    service text NOT NULL,
    speaks boolean NOT NULL,
    session_ordinal integer NOT NULL,
    version bigint NOT NULL,
    ordinal integer NOT NULL,
    state text NOT NULL DEFAULT 'ready',
    attempts integer NOT NULL DEFAULT 0,
    wake timestamptz NOT NULL,
    delay_told boolean NOT NULL DEFAULT false,
    reason text
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX outbox_wake ON bot.outbox (service, wake, id);
CREATE INDEX outbox_speech ON bot.outbox (channel, customer, session_ordinal, version, ordinal) WHERE speaks;
CREATE UNIQUE INDEX outbox_one_speaks ON bot.outbox (channel, customer) WHERE speaks AND state = 'running';
COMMENT ON TABLE bot.outbox IS 'Commands that are not ended: ready, running or unknown';
COMMENT ON COLUMN bot.outbox.service IS 'messaging, assisting or ticketing: whose workers run it';
COMMENT ON COLUMN bot.outbox.wake IS
    'ready: not before; running: end of the lease; unknown: how long a status webhook is waited for';
COMMENT ON COLUMN bot.outbox.attempts IS 'The fence: a result counts only for the try with this number';

CREATE TABLE bot.command_end (
    id bigint PRIMARY KEY,
    state text NOT NULL,
    attempts integer NOT NULL,
    reason text,
    at timestamptz NOT NULL
);
CREATE INDEX command_end_at ON bot.command_end USING brin (at);
CREATE INDEX command_end_dead ON bot.command_end (id) WHERE state = 'dead';
COMMENT ON TABLE bot.command_end IS 'How commands ended: done or dead';

CREATE TABLE bot.timer (
    stream text NOT NULL,
    name text NOT NULL,
    due timestamptz NOT NULL,
    due_ticks bigint NOT NULL,
    key text NOT NULL,
    PRIMARY KEY (stream, name)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX timer_due ON bot.timer (due);
COMMENT ON TABLE bot.timer IS 'Timers that are set. due is due_ticks (.NET, 100 ns, UTC) rounded up to a microsecond';

CREATE TABLE bot.tally (
    day date NOT NULL,
    what text NOT NULL,
    shard smallint NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (day, what, shard)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON TABLE bot.tally IS
    'Counters moved in the transaction of what they count; by backend, so that writers do not wait for each other';
