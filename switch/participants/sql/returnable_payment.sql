-- returnable_payment: the committed payment of an open break that its rail rejected, or gave back.
--   $1 break
-- `part_minor`: what the rail gave back of the credit, at most what is left; NULL: everything. `reference`: the rail's id of it.
SELECT b.uetr, g.reference, CASE WHEN g.minor < p.credit_minor THEN g.minor END AS part_minor
FROM switch.reconciliation_break AS b
JOIN ledger.transfer AS t ON t.id = b.uetr
JOIN ledger.resolution AS r ON r.number = t.number AND r.outcome = 'posted'
JOIN switch.payment AS p ON p.number = t.number
LEFT JOIN switch.rail_return AS g ON g.number = p.number AND b.ref = p.native_ref || '/' || g.reference
WHERE b.id = $1 AND b.resolved_at IS NULL
  AND (b.kind = 'refused_but_committed' OR (b.kind = 'returned_by_rail' AND g.currency = p.credit_currency::char(3)
       AND g.minor <= p.credit_minor
                      - (SELECT coalesce(sum(x.credit_minor), 0) FROM switch.part_return AS x WHERE x.payment = p.number)))
