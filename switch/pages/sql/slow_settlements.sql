-- slow_settlements: settlements that have been in a state that is not final for long, the slowest first.
--   $1 seconds  $2 limit
SELECT w.number AS window, w.currency::text AS currency, s.state,
       extract(epoch FROM clock_timestamp() - s.changed_at)::float8 AS age
FROM switch.settlement AS s JOIN ledger.settlement_window AS w ON w.number = s.settlement_window
WHERE s.state NOT IN ('SETTLED', 'ABORTED') AND s.changed_at < clock_timestamp() - make_interval(secs => $1)
ORDER BY s.changed_at LIMIT $2
