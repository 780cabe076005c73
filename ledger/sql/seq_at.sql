-- seq_at: the last event at or before an instant; 0 if there is none, null if it was archived since.
--   $1 instant
-- Time never goes back along the log, so halving finds it with one index probe a step.
WITH RECURSIVE archived (seq, at) AS (
    SELECT coalesce(max(last_seq), 0), max(last_at) FROM ledger.archive
), halving (low, high) AS (
    SELECT seq, (SELECT coalesce(max(seq), 0) + 1 FROM ledger.event) FROM archived
     UNION ALL
    SELECT CASE WHEN probe.at <= $1 THEN probe.seq ELSE low END,
           CASE WHEN probe.at <= $1 THEN high ELSE probe.seq END
      FROM halving
     CROSS JOIN LATERAL (SELECT seq, at FROM ledger.event WHERE seq = (low + high) / 2) AS probe
     WHERE high - low > 1
)
SELECT CASE WHEN archived.at IS NULL OR archived.at <= $1 THEN (SELECT max(low) FROM halving) END
  FROM archived;
