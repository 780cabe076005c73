-- payment_of_break: the agents and amounts of a break's payment.
--   $1 break
SELECT b.uetr, p.debtor_agent, p.creditor_agent, p.debit_minor + p.fee_minor AS debit_minor,
       p.debit_currency, p.credit_minor, p.credit_currency
FROM switch.reconciliation_break AS b JOIN ledger.transfer AS t ON t.id = b.uetr
JOIN switch.payment AS p ON p.number = t.number WHERE b.id = $1
