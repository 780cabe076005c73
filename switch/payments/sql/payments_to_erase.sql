-- payments_to_erase: the payments of these UETRs, whether each is erased already, and whether it is open.
--   $1 UETRs
SELECT p.number, p.uetr, k.sealed IS NULL AS erased, o.number IS NOT NULL AS open
FROM ledger.transfer AS t
JOIN switch.payment AS p ON p.number = t.number
JOIN switch.message_key AS k ON k.number = t.number
LEFT JOIN switch.open_payment AS o ON o.number = t.number
WHERE t.id = ANY($1)
