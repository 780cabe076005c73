-- country_unknown: payments of a country whose outcome is unknown, the oldest first.
--   $1 limit
SELECT p.uetr, p.debtor_agent, p.creditor_agent, p.debit_currency::text, p.debit_minor,
       p.credit_currency::text, p.credit_minor,
       extract(epoch FROM clock_timestamp() - min(e.at))::float8 AS age_s
FROM regulator.payment AS p JOIN regulator.payment_event AS e USING (number)
WHERE p.open_state = 'UNKNOWN'
GROUP BY p.number, p.uetr, p.debtor_agent, p.creditor_agent, p.debit_currency, p.debit_minor,
         p.credit_currency, p.credit_minor
ORDER BY age_s DESC LIMIT $1
