-- unfilled_clearances: clearances whose party is not filled in, with the sealed hits that they are about.
SELECT c.number, c.uetr, c.hit, h.hits, h.screening, coalesce(h.key, k.sealed) AS sealed
FROM switch.screening_clearance AS c
JOIN switch.screening_hold AS h ON h.uetr = c.uetr AND h.screening = c.screening
LEFT JOIN ledger.transfer AS t ON t.id = h.uetr AND h.ended_at IS NOT NULL
LEFT JOIN switch.message_key AS k ON k.number = t.number
WHERE c.party IS NULL AND c.ended_by IS NULL
