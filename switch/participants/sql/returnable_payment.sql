-- returnable_payment: the committed payment of an open break that its rail rejected, or gave back as a whole.
--   $1 break
SELECT b.uetr FROM switch.reconciliation_break AS b
JOIN ledger.transfer AS t ON t.id = b.uetr
JOIN ledger.resolution AS r ON r.number = t.number AND r.outcome = 'posted'
JOIN switch.payment AS p ON p.number = t.number
WHERE b.id = $1 AND b.resolved_at IS NULL
  AND (b.kind = 'refused_but_committed' OR (b.kind = 'returned_by_rail' AND EXISTS (
       SELECT FROM switch.rail_return AS g
        WHERE g.number = p.number AND b.ref = p.native_ref || '/' || g.reference
          AND (g.minor, g.currency) = (p.credit_minor, p.credit_currency::char(3)))))
