-- read_quote: a firm quote of a participant, and the UETR of the payment that used it. `payee` is the keyed account to which
-- the price was promised, if a rail looked it up.
--   $1 quote  $2 participant
SELECT q.*, p.uetr AS used_by, l.payee
FROM switch.quote AS q
LEFT JOIN switch.quote_use AS u ON u.quote = q.id
LEFT JOIN switch.payment AS p ON p.number = u.number
LEFT JOIN switch.inbound_lookup AS l ON l.quote = q.id
WHERE q.id = $1 AND q.participant = $2
