-- due_witnesses: those that are sent checkpoints and have not cosigned the newest one.
--   $1 events of the newest checkpoint
SELECT key, name, url, size, attempts
  FROM switch.witness AS w
 WHERE removed_at IS NULL AND url <> '' AND due_at <= clock_timestamp()
   AND NOT EXISTS (SELECT FROM ledger.cosignature AS c WHERE c.key = w.key AND c.size = $1);
