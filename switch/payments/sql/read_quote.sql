-- read_quote: a firm quote of a participant, and the UETR of the payment that used it.
--   $1 quote  $2 participant
SELECT q.*, p.uetr AS used_by
FROM switch.quote AS q
LEFT JOIN switch.quote_use AS u ON u.quote = q.id
LEFT JOIN switch.payment AS p ON p.number = u.number
WHERE q.id = $1 AND q.participant = $2
