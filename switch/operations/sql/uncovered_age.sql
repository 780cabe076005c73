-- uncovered_age: age of the oldest event that no signed checkpoint covers, in seconds; 0 if all are covered.
SELECT coalesce((
    SELECT extract(epoch FROM clock_timestamp() - at) FROM ledger.event
    WHERE seq = 1 + (SELECT coalesce(max(size), 0) FROM ledger.checkpoint)
), 0)::float8
