-- What was deleted because it was old. Nothing that is missing tells by itself whether it was ever there: rows are
-- deleted by when they ended, so that older and younger ones are kept beside them.

CREATE TABLE bot.forgotten (
    what text PRIMARY KEY,
    before timestamptz NOT NULL
);
COMMENT ON TABLE bot.forgotten IS 'Since when rows are missing: of what came before, some were deleted by their age';
COMMENT ON COLUMN bot.forgotten.what IS '"inbox" or "command"';
