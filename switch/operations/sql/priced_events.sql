-- priced_events: the events that state prices and what they are made of, in order; instants in microseconds.
--   $1 their kinds
SELECT seq, kind, (extract(epoch FROM at) * 1000000)::bigint AS at, body FROM ledger.event WHERE kind = ANY($1) ORDER BY seq
