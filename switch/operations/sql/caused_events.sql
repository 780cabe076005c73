-- caused_events: events that need a cause, in order.
--   $1 their kinds
SELECT seq, number, at, kind, change, body FROM ledger.event WHERE kind = ANY($1) ORDER BY seq
