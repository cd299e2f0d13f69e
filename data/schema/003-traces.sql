-- Where a trace goes on when the work does: on another worker, on another node, or after a restart.

ALTER TABLE bot.inbox ADD COLUMN trace text;
COMMENT ON COLUMN bot.inbox.trace IS 'W3C traceparent of the request or command that it came from; null where nobody traces';

ALTER TABLE bot.command ADD COLUMN trace text;
COMMENT ON COLUMN bot.command.trace IS 'W3C traceparent of what asked for it; null where nobody traces';
