-- Old rows are found by the time they came, through the BRIN indexes. A part of a table that is not summarised yet
-- counts as if it could hold anything, so it is summarised as soon as it is full and not at the next vacuum.
ALTER INDEX bot.webhook_received_at SET (autosummarize = on);
ALTER INDEX bot.inbox_received_at SET (autosummarize = on);
ALTER INDEX bot.command_queued_at SET (autosummarize = on);

COMMENT ON COLUMN bot.tally.day IS 'The day (UTC) that it was counted on; 0001-01-01 holds the sum of days long ago';
