-- read_quote: a firm quote of a participant, and the UETR of the payment that used it, or that screening holds with it.
-- `payee` is the keyed account to which the price was promised, if a rail looked it up.
--   $1 quote  $2 participant
SELECT q.*, l.payee, coalesce(p.uetr, (
    SELECT h.uetr FROM switch.quote_wait AS w
    JOIN switch.screening_hold AS h ON h.number = w.number
    WHERE w.quote = q.id AND h.ended_at IS NULL
)) AS used_by
FROM switch.quote AS q
LEFT JOIN switch.quote_use AS u ON u.quote = q.id
LEFT JOIN switch.payment AS p ON p.number = u.number
LEFT JOIN switch.inbound_lookup AS l ON l.quote = q.id
WHERE q.id = $1 AND q.participant = $2
