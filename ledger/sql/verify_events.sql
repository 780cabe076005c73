-- verify_events: the log in order, for a cursor.
--   $1 after this event  $2 up to this event
SELECT seq, number, at, kind, change, body, leaf
  FROM ledger.event
 WHERE seq > $1
   AND seq <= $2
 ORDER BY seq;
