-- due_recalls: recalls of which the payee's bank is to be asked over its rail now, with what that needs.
--   $1 rails  $2 how many
SELECT r.id, r.reason, r.attempts, p.uetr, p.rail, p.native_ref, m.body AS native_body, k.sealed AS sealed_key
FROM switch.recall AS r
JOIN switch.payment AS p ON p.number = r.payment
JOIN switch.message AS m ON m.number = r.payment AND m.direction = 1
JOIN switch.message_key AS k ON k.number = r.payment
WHERE r.ended_at IS NULL AND r.state = 'asked' AND r.due_at <= clock_timestamp() AND p.rail = ANY($1::text[])
ORDER BY r.due_at LIMIT $2
