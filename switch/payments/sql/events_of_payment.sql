-- events_of_payment: the events of a payment, each with its leaf and whether a checkpoint covers it.
--   $1 UETR
SELECT e.seq, e.at, e.kind, encode(e.leaf, 'hex') AS leaf,
       e.seq <= coalesce((SELECT max(size) FROM ledger.checkpoint), 0) AS covered
FROM ledger.transfer AS t JOIN ledger.event AS e ON e.number = t.number
WHERE t.id = $1 ORDER BY e.seq
