-- message: a stored message of a payment, with its encrypted data key.
--   $1 UETR  $2 direction
SELECT m.body, k.sealed
FROM ledger.transfer AS t
JOIN switch.message AS m ON m.number = t.number
LEFT JOIN switch.message_key AS k ON k.number = t.number
WHERE t.id = $1 AND m.direction = $2
