-- audit_event: one event to be proved.
--   $1 its sequence number
SELECT seq, number, at, kind, change, body
  FROM ledger.event
 WHERE seq = $1;
