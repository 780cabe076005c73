-- A message that answers another is found by the party whose message id it names. What the switch itself writes to a
-- participant has no sender.
ALTER TABLE switch.correspondence ALTER COLUMN sender DROP NOT NULL;
CREATE INDEX correspondence_message ON switch.correspondence (receiver, message_id);
