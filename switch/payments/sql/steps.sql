-- steps: the events of a payment, in order.
--   $1 UETR  $2 kinds
SELECT e.seq, e.kind, e.at, e.body
FROM ledger.transfer AS t
JOIN ledger.event AS e ON e.number = t.number
WHERE t.id = $1 AND e.seq >= t.number AND e.kind = ANY($2)
ORDER BY e.seq
