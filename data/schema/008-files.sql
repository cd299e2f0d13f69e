-- Customers' files. Their bytes lie in a folder (or wherever the port of files puts them) under their hash; here stands
-- what they are, and for which messages they are kept. The same file sent twice is one file with two uses.

CREATE TABLE bot.file (
    hash text PRIMARY KEY,
    mime_type text NOT NULL,
    size bigint NOT NULL,
    stored_at timestamptz NOT NULL
);
CREATE INDEX file_stored_at ON bot.file (stored_at);
COMMENT ON TABLE bot.file IS 'Each kept file once. Its bytes are deleted after the row is; bytes without a row are swept';
COMMENT ON COLUMN bot.file.hash IS 'SHA-256 of the bytes, lower-case hex: their name in the folder';
COMMENT ON COLUMN bot.file.mime_type IS 'What the bytes are, not what the sender said';
COMMENT ON COLUMN bot.file.stored_at IS 'When it was kept last';

CREATE TABLE bot.file_use (
    channel text NOT NULL,
    customer text NOT NULL,
    session text NOT NULL,
    message text NOT NULL,
    place integer NOT NULL,
    hash text NOT NULL REFERENCES bot.file,
    mime_type text NOT NULL,
    name text NOT NULL,
    kept_until timestamptz NOT NULL,
    PRIMARY KEY (session, message, place)
);
CREATE INDEX file_use_hash ON bot.file_use (hash);
CREATE INDEX file_use_kept_until ON bot.file_use (kept_until);
CREATE INDEX file_use_customer ON bot.file_use (channel, customer);
COMMENT ON TABLE bot.file_use IS 'What each file is kept for: one message of one session, and until when';
COMMENT ON COLUMN bot.file_use.place IS '0, or the place among the files of one form';
COMMENT ON COLUMN bot.file_use.mime_type IS 'As in bot.file, or as this message could call the same bytes';
COMMENT ON COLUMN bot.file_use.name IS 'The name under which people see it';
