-- What nodes share so that they keep to WhatsApp's limits together, and what they tell each other about services.

-- Unlogged: it is written for each message and holds a few minutes of history. After a crash of PostgreSQL all
-- buckets are full, and the worst that follows is that Meta puts some messages off.
CREATE UNLOGGED TABLE bot.pace (
    channel text NOT NULL,
    customer text NOT NULL,
    taken_until timestamptz NOT NULL,
    PRIMARY KEY (channel, customer)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE bot.pace IS 'Token buckets of business numbers (customer is empty) and of numbers with customers';
COMMENT ON COLUMN bot.pace.taken_until IS
    'Until when the bucket''s slots are taken, by PostgreSQL''s clock; a time that is past means a full bucket';

CREATE TABLE bot.service_state (
    service text NOT NULL,
    node text NOT NULL,
    state text NOT NULL,
    since timestamptz NOT NULL,
    reason text,
    next_probe timestamptz,
    PRIMARY KEY (service, node)
);
COMMENT ON TABLE bot.service_state IS 'How services stand: for each node that calls them, or (node is empty) for all';
COMMENT ON COLUMN bot.service_state.state IS 'working, paused, probing or stopped';
COMMENT ON COLUMN bot.service_state.since IS 'Since when it works, or does not';
COMMENT ON COLUMN bot.service_state.next_probe IS 'When the next call finds out whether it works again';

ALTER TABLE bot.outbox ADD COLUMN put_off integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN bot.outbox.put_off IS 'How many of the attempts were not tried, for a reason of our own';
