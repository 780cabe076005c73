-- verify_events: the log in order, for a cursor.
SELECT seq, number, at, kind, change, body, leaf
  FROM ledger.event
 ORDER BY seq;
