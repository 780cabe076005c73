-- waiting_notes: audit notes without a recorded event, in order; `seq` if the event is in the log after all. Notes that
-- the writer refused are tried again every ten minutes, after all others.
--   $1 maximum number
SELECT n.number, n.kind, n.body,
       (SELECT e.seq FROM ledger.event AS e
        WHERE e.number = 0 AND e.seq > n.after_seq AND e.kind = n.kind AND e.body = n.body LIMIT 1) AS seq
FROM switch.audit_note AS n
WHERE n.seq IS NULL AND (n.refused_at IS NULL OR n.refused_at < clock_timestamp() - interval '10 minutes')
ORDER BY n.refused_at NULLS FIRST, n.number LIMIT $1
