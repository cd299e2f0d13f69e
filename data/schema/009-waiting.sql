-- Speech that waits for its customer. WhatsApp takes what a business says for 24 hours after the customer's last message;
-- what is refused after that keeps its row in bot.outbox in the state "waiting", until the customer writes.

ALTER TABLE bot.outbox ADD COLUMN heard timestamptz, ADD COLUMN shut timestamptz;
ALTER TABLE bot.contact ADD COLUMN template_at timestamptz;
CREATE INDEX outbox_waiting ON bot.outbox (channel, customer) WHERE state = 'waiting';

COMMENT ON TABLE bot.outbox IS 'Commands that are not ended: ready, running, unknown or waiting (for the customer to write)';
COMMENT ON COLUMN bot.outbox.wake IS
    'ready: not before; running: end of the lease; unknown: how long a status webhook is waited for; waiting: never';
COMMENT ON COLUMN bot.outbox.heard IS 'When the customer wrote while this waited, and so let it be sent';
COMMENT ON COLUMN bot.outbox.shut IS
    'Since when a status says that the customer has to write first; it holds until the customer is heard after that';
COMMENT ON COLUMN bot.contact.template_at IS
    'When the customer was last asked by a template to write; the next is not sent before the customer was heard';
