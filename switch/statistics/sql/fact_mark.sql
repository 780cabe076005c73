-- fact_mark: up to where the facts were made, and the archived part of the log.
SELECT mark.seq,
       coalesce((SELECT max(last_seq) FROM ledger.archive), 0) AS archived,
       (SELECT max(last_at) FROM ledger.archive) AS archived_at
  FROM switch.fact_mark AS mark
