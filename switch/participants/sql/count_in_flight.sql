-- count_in_flight: the number of open payments to which a participant is a party.
--   $1 participant
SELECT count(*) FROM switch.open_payment AS o JOIN switch.payment AS p USING (number)
WHERE $1 IN (p.debtor_agent, p.creditor_agent, p.fx_provider)
   OR EXISTS (SELECT FROM ledger.leg AS l JOIN ledger.account AS a ON a.number = l.debit -- the first of two FX providers
               WHERE l.number = o.number AND l.purpose = 'conversion' AND a.owner = $1)
