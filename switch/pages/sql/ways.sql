-- ways: number of payments for each pair of countries.
--   $1 after this payment
SELECT d.country AS source, c.country AS target, count(*) AS n
FROM switch.payment AS p
JOIN switch.participant AS d ON d.id = p.debtor_agent
JOIN switch.participant AS c ON c.id = p.creditor_agent
WHERE p.number > $1 GROUP BY 1, 2
