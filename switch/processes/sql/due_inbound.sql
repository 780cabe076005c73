-- due_inbound: orders and returns of a rail whose next step can be done, oldest first.
--   $1 rail  $2 how many
-- `outcome` and `why` are those of the payment, once it has ended; `known`: the ledger has it; `failed`: as refused;
-- `lost`: it was executed before a restore of the database, which has forgotten that.
SELECT o.rail::text, o.kind, o.ref, o.original, o.uetr, o.gateway, o.state, o.sealed_key, o.request, o.message, o.reason,
       o.received_at, o.expires_at, o.decided_at, clock_timestamp() AS now, b.state AS of_order, b.reason AS of_reason,
       EXISTS (SELECT FROM switch.restore_line AS l WHERE l.uetr = o.uetr AND l.done) AS lost,
       t.number IS NOT NULL AS known, coalesce(t.kind = 'failed', false) AS failed, r.outcome, why.reason AS why
FROM switch.inbound_order AS o
LEFT JOIN switch.inbound_order AS b ON o.kind = 'return' AND b.rail = o.rail AND b.kind = 'order' AND b.ref = o.original
LEFT JOIN ledger.transfer AS t ON o.state = 'taken' AND t.id = o.uetr AND t.fingerprint = o.fingerprint
LEFT JOIN ledger.resolution AS r ON r.number = t.number
LEFT JOIN LATERAL (
    SELECT convert_from(e.body, 'UTF8')::jsonb ->> 'reason' AS reason FROM ledger.event AS e
    WHERE e.number = t.number AND e.seq >= t.number AND e.kind IN ('REFUSE', 'REJECT', 'EXPIRE', 'CANCEL') ORDER BY e.seq DESC LIMIT 1
) AS why ON true
WHERE o.rail = $1 AND o.due_at <= clock_timestamp() AND o.answer IS NULL
  AND (o.kind = 'order' OR b.state IN ('barred', 'stopped', 'done', 'refused'))
  AND NOT (o.state = 'taken' AND (EXISTS (SELECT FROM switch.open_payment AS p WHERE p.uetr = o.uetr)
                                  OR EXISTS (SELECT FROM switch.screening_hold AS h WHERE h.uetr = o.uetr AND h.ended_at IS NULL)))
ORDER BY o.due_at LIMIT $2
