-- waiting_notes: audit notes that have no event yet, in order; `seq` of one whose event is in the log after all.
--   $1 at most so many
SELECT n.number, n.kind, n.body,
       (SELECT e.seq FROM ledger.event AS e
        WHERE e.number = 0 AND e.seq > n.after_seq AND e.kind = n.kind AND e.body = n.body LIMIT 1) AS seq
FROM switch.audit_note AS n
WHERE n.seq IS NULL ORDER BY n.number LIMIT $1
