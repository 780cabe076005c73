-- screening_hold: a payment that screening holds or held, without its message.
--   $1 UETR
SELECT h.number, h.uetr, h.sender, h.creditor_agent, h.debit_minor, h.debit_currency, h.held_at, h.expires_at, h.screening,
       h.lists, h.hits, h.hit_count, h.decision, h.change, h.outcome, h.ended_at, coalesce(h.key, k.sealed) AS sealed
FROM switch.screening_hold AS h
LEFT JOIN ledger.transfer AS t ON t.id = h.uetr AND h.ended_at IS NOT NULL
LEFT JOIN switch.message_key AS k ON k.number = t.number
WHERE h.uetr = $1
