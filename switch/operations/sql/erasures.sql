-- erasures: whether every payment has its data key, or the event log records the erasure of the key.
SELECT p.number,
       k.sealed IS NOT NULL OR k.erasure <= coalesce((SELECT max(last_seq) FROM ledger.archive), 0)
       OR EXISTS (
           SELECT FROM ledger.event AS e
           WHERE e.seq = k.erasure AND e.kind = 'ERASE'
             AND position(convert_to('"' || replace(p.uetr::text, '-', '') || '"', 'UTF8') IN e.body) > 0
       ) AS fine
FROM switch.payment AS p
LEFT JOIN switch.message_key AS k USING (number)
