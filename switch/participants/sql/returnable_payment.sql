-- returnable_payment: the committed payment of an open break that its rail returned.
--   $1 break
SELECT b.uetr FROM switch.reconciliation_break AS b
JOIN ledger.transfer AS t ON t.id = b.uetr
JOIN ledger.resolution AS r ON r.number = t.number AND r.outcome = 'posted'
WHERE b.id = $1 AND b.kind = 'refused_but_committed' AND b.resolved_at IS NULL
