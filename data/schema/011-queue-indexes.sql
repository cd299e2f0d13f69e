-- Rows of these queues are told apart by id alone, which is what the primary key is for. Where id is also the last column
-- of another index, PostgreSQL may look it up there: on an empty queue both look alike, the statistics of that moment stay,
-- and each look-up then reads the other index from end to end. As a column that is only carried, id cannot be looked up.

DROP INDEX bot.inbox_pending_customer;
CREATE INDEX inbox_pending_customer ON bot.inbox_pending (channel, customer, at) INCLUDE (id);
DROP INDEX bot.outbox_wake;
CREATE INDEX outbox_wake ON bot.outbox (service, wake) INCLUDE (id);
