-- messages_of_rail: the message of each payment of a rail, its data key, and whether people resolved a break of it.
--   $1 rail
SELECT p.uetr, p.message_name, m.body, k.sealed,
       EXISTS (SELECT FROM switch.reconciliation_break AS b
                WHERE b.rail = p.rail AND b.uetr = p.uetr AND b.resolved_at IS NOT NULL) AS settled
FROM switch.payment AS p
JOIN switch.message AS m ON m.number = p.number AND m.direction = 0
LEFT JOIN switch.message_key AS k ON k.number = p.number
WHERE p.rail = $1
