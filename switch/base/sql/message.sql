-- message: a stored message of a payment, or of one that is held, with its encrypted data key.
--   $1 UETR  $2 direction
SELECT m.body, k.sealed
FROM ledger.transfer AS t
JOIN switch.message AS m ON m.number = t.number
LEFT JOIN switch.message_key AS k ON k.number = t.number
WHERE t.id = $1 AND m.direction = $2
UNION ALL
SELECT h.raw, h.key FROM switch.screening_hold AS h WHERE h.uetr = $1 AND $2 = 0 AND h.ended_at IS NULL
