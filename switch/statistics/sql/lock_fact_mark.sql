-- lock_fact_mark: up to where the facts were made, the newest event, and the archived part of the log.
SELECT mark.seq, mark.probed, date_trunc('hour', clock_timestamp(), 'UTC') AS hour,
       coalesce((SELECT max(seq) FROM ledger.event), 0) AS head,
       coalesce((SELECT max(last_seq) FROM ledger.archive), 0) AS archived,
       (SELECT max(last_at) FROM ledger.archive) AS archived_at
  FROM switch.fact_mark AS mark
   FOR UPDATE OF mark
