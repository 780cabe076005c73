-- due_reversals: reversals that are to be sent now, with what that needs, the longest due first.
--   $1 rails  $2 how many
SELECT r.id, p.uetr, p.rail, p.native_ref, r.reason, r.state, r.attempts, r.ordered_at, m.body AS native_body,
       k.sealed AS sealed_key, clock_timestamp() AS now,
       EXISTS (SELECT FROM ledger.transfer AS t WHERE t.corrects = r.number) AS returned
FROM switch.reversal AS r
JOIN switch.payment AS p USING (number)
JOIN switch.message AS m ON m.number = r.number AND m.direction = 1
JOIN switch.message_key AS k ON k.number = r.number
WHERE r.state IN ('ordered', 'sent', 'unknown') AND r.due_at <= clock_timestamp() AND p.rail = ANY($1::text[])
ORDER BY r.due_at LIMIT $2
