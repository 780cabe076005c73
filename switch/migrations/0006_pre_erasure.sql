-- An erased key leaves a trace: the event that says why. Messages from before there were keys have an empty one.
ALTER TABLE switch.message_key ALTER COLUMN sealed DROP NOT NULL;
ALTER TABLE switch.message_key ADD COLUMN erasure bigint;
ALTER TABLE switch.message_key ADD CONSTRAINT message_key_erasure CHECK ((sealed IS NULL) = (erasure IS NOT NULL));
INSERT INTO switch.message_key (number, sealed) SELECT number, '' FROM switch.payment ON CONFLICT DO NOTHING;
