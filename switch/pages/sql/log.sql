-- log: events of the log before one, newest first, with the payment or window of each.
--   $1 before this event  $2 whether to leave out the kinds  $3 kinds  $4 maximum number of events searched  $5 limit
SELECT e.seq, e.number, e.at, e.kind, e.body, p.uetr, w.number AS window
FROM ledger.event AS e
LEFT JOIN switch.payment AS p ON p.number = e.number AND e.number > 0
LEFT JOIN ledger.settlement_window AS w ON w.number = e.number
WHERE e.seq < $1 AND e.seq >= $1 - $4 AND (NOT $2 OR NOT e.kind = ANY ($3::text[]))
ORDER BY e.seq DESC LIMIT $5
