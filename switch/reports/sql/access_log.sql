-- access_log: events of a period that are not steps of payments: reads, exports, changes, approvals, funding.
--   $1 after this event  $2 up to this event  $3 kinds of the steps of payments and of messages
SELECT e.seq, e.number, e.at, e.kind, e.body
  FROM ledger.event AS e
 WHERE e.seq > $1 AND e.seq <= $2
   AND NOT e.kind = ANY ($3::text[])
 ORDER BY e.seq;
