-- Who is who when numbers and ids change, who wants to hear nothing, and who is blocked.
--
-- An id that somebody gave up, and a contact that turned out to be somebody known, are rows that point to the contact
-- that stands for them now; that one points to no other. Streams are never renamed: sessions stay under their key.

ALTER TABLE bot.contact
    ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN merged_into text,
    ADD COLUMN business_scoped_id_at timestamptz,
    ADD COLUMN phone_at timestamptz,
    ADD COLUMN opted_out boolean NOT NULL DEFAULT false,
    ADD COLUMN blocked_at timestamptz,
    ADD COLUMN blocked_reason text;
CREATE UNIQUE INDEX contact_number ON bot.contact (number);
CREATE INDEX contact_merged_into ON bot.contact (channel, merged_into) WHERE merged_into IS NOT NULL;
COMMENT ON COLUMN bot.contact.number IS 'What operators and the audit call the contact: it tells nothing of the customer';
COMMENT ON COLUMN bot.contact.merged_into IS 'The contact that stands for this one now; null for one of its own';
COMMENT ON COLUMN bot.contact.business_scoped_id_at IS
    'By the sender''s clock: since when the id is known to be the customer''s; where the row points on, until when it was';
COMMENT ON COLUMN bot.contact.phone_at IS 'The same of the phone';
COMMENT ON COLUMN bot.contact.opted_out IS 'The customer wants to hear nothing of the bot''s own accord';
COMMENT ON COLUMN bot.contact.blocked_at IS 'Since when nothing that the customer does is answered; null: it is';
COMMENT ON COLUMN bot.contact.blocked_reason IS 'Why, as the operator who blocked said';
COMMENT ON COLUMN bot.audit.target IS '"inbox", "command" or "contact" and the number of the row';
