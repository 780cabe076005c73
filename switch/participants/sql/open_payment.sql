-- open_payment: a payment that is not final: its state, agents and amounts.
--   $1 UETR
SELECT o.state, p.debtor_agent, p.creditor_agent, p.debit_minor, p.debit_currency, p.credit_minor,
       p.credit_currency
FROM switch.open_payment AS o JOIN switch.payment AS p USING (number) WHERE o.uetr = $1
