-- waiting_notes: audit notes without a recorded event, in order; `seq` if the event is in the log after all.
--   $1 maximum number
SELECT n.number, n.kind, n.body,
       (SELECT e.seq FROM ledger.event AS e
        WHERE e.number = 0 AND e.seq > n.after_seq AND e.kind = n.kind AND e.body = n.body LIMIT 1) AS seq
FROM switch.audit_note AS n
WHERE n.seq IS NULL ORDER BY n.number LIMIT $1
