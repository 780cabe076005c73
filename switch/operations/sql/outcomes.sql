-- outcomes: the outcome of every payment of a rail, and whether people resolved a break of it.
--   $1 rail
SELECT p.uetr, p.rail, p.credit_minor, p.credit_currency, o.state AS open_state, r.outcome,
       EXISTS (SELECT FROM switch.reconciliation_break AS b
                WHERE b.rail = p.rail AND b.uetr = p.uetr AND b.resolved_at IS NOT NULL) AS settled
FROM switch.payment AS p
LEFT JOIN switch.open_payment AS o USING (number)
LEFT JOIN ledger.resolution AS r USING (number)
WHERE p.rail = $1
