-- What people changed by hand: each row is written in the transaction of the change that it tells of.
-- It names entries and commands by number and holds nothing of the customer, so that it can stay when a customer is erased.

CREATE TABLE bot.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    who text NOT NULL,
    verb text NOT NULL,
    target text NOT NULL,
    reason text NOT NULL,
    effect text NOT NULL
);
CREATE INDEX audit_at ON bot.audit USING brin (at);
COMMENT ON TABLE bot.audit IS 'What was changed by hand: who did what to which, why, and what came of it';
COMMENT ON COLUMN bot.audit.who IS 'The user of the operating system that ran the command';
COMMENT ON COLUMN bot.audit.target IS '"inbox" or "command" and the number of the row';
