-- inbound_orders: every order of a rail, and what the ledger has of its payment; `stated_minor`: what the order was
-- of, or NULL if it was archived.
--   $1 rail
SELECT o.ref, o.uetr, o.state, o.disputed <> '' AS disputed, o.due_at IS NOT NULL AS open, o.told_at IS NOT NULL AS told,
       coalesce(r.outcome = 'posted', false) AS posted, r.number IS NULL AND t.kind = 'two_phase' AS pending,
       EXISTS (SELECT FROM ledger.transfer AS c WHERE c.corrects = t.number)
       OR EXISTS (SELECT FROM switch.part_return AS x WHERE x.payment = t.number) AS returned, p.debit_currency,
       p.debit_minor + (SELECT coalesce(sum(f.minor), 0)::bigint FROM switch.payment_charge AS f
                         WHERE f.number = p.number AND f.deducted) AS stated_minor
FROM switch.inbound_order AS o
LEFT JOIN ledger.transfer AS t ON t.id = o.uetr AND t.fingerprint = o.fingerprint
LEFT JOIN switch.payment AS p ON p.number = t.number
LEFT JOIN ledger.resolution AS r ON r.number = t.number
WHERE o.rail = $1 AND o.kind = 'order'
