-- add_made: note for the log what a sandbox made, once.
--   $1 id  $2 kind of the event  $3 body
INSERT INTO switch.audit_note (id, kind, body, after_seq)
SELECT $1, $2, $3, next_seq - 1 FROM ledger.head
ON CONFLICT (id) DO NOTHING
