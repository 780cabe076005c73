-- payment_of_break: the agents and amounts of a break's payment.
--   $1 break
SELECT b.uetr, p.debtor_agent, p.creditor_agent, p.debit_minor + p.fee_minor AS debit_minor, p.fee_minor,
       p.debit_currency, p.credit_minor, p.credit_currency,
       coalesce((SELECT g.minor FROM switch.rail_return AS g WHERE g.number = p.number AND g.minor < p.credit_minor
                  AND b.ref = p.native_ref || '/' || g.reference), 0) AS part_minor,
       (SELECT coalesce(sum(x.credit_minor), 0)::bigint FROM switch.part_return AS x WHERE x.payment = p.number) AS parts_minor
FROM switch.reconciliation_break AS b JOIN ledger.transfer AS t ON t.id = b.uetr
JOIN switch.payment AS p ON p.number = t.number WHERE b.id = $1
