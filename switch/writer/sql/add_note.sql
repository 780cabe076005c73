-- add_note: insert an audit note, in the transaction of its action.
--   $1 id  $2 kind  $3 body
INSERT INTO switch.audit_note (id, kind, body, after_seq)
SELECT $1, $2, $3, next_seq - 1 FROM ledger.head
