-- audit_events: events to be proved, in order.
--   $1 numbers of sets, accounts or windows  $2 events before this one only
SELECT seq, number, at, kind, change, body
  FROM ledger.event
 WHERE number = ANY ($1::bigint[])
   AND seq <= $2
 ORDER BY seq;
