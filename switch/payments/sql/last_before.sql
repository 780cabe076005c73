-- last_before: the number of the last event before an instant, found by halving the log.
--   $1 instant
WITH RECURSIVE halving (low, high) AS (
    SELECT coalesce((SELECT max(last_seq) FROM ledger.archive WHERE last_at < $1), 0),
           (SELECT coalesce(max(seq), 0) + 1 FROM ledger.event)
     UNION ALL
    SELECT CASE WHEN probe.at < $1 THEN probe.seq ELSE low END,
           CASE WHEN probe.at < $1 THEN high ELSE probe.seq END
      FROM halving
     CROSS JOIN LATERAL (SELECT seq, at FROM ledger.event WHERE seq = (low + high) / 2) AS probe
     WHERE high - low > 1
)
SELECT max(low) FROM halving
