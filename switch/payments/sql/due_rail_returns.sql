-- due_rail_returns: what rails gave back that is not booked yet, or whose debtor agent has no message of it yet.
--   $1 rails  $2 how many
SELECT p.uetr, p.number, p.rail, p.debtor_agent, p.debit_minor, p.debit_currency, p.message_id, p.message_name,
       r.reference, r.minor, r.currency::text, r.reason, r.received_at, r.message, r.sealed_key, c.returned,
       x.debit_minor AS part_minor, x.share_minor, x.rate AS part_rate
FROM switch.rail_return AS r JOIN switch.payment AS p USING (number)
LEFT JOIN switch.part_return AS x ON x.payment = r.number AND x.reference = r.reference
CROSS JOIN LATERAL (
    SELECT x.number IS NOT NULL OR EXISTS (SELECT FROM ledger.transfer AS t WHERE t.corrects = r.number)
) AS c (returned)
WHERE r.notified_at IS NULL AND (r.left_because IS NULL OR c.returned) AND p.rail = ANY($1::text[])
ORDER BY r.received_at LIMIT $2
