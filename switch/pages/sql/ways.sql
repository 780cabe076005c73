-- ways: payments of each pair of countries: all, those that ended without being credited (refused at once or later, as the list of
--   payments tells ABORTED), and those whose outcome is unknown; most first.
--   $1 after this payment
SELECT d.country AS source, c.country AS target, count(*) AS n,
       count(*) FILTER (WHERE o.number IS NULL AND r.outcome IS DISTINCT FROM 'posted') AS aborted,
       count(*) FILTER (WHERE o.state = 'UNKNOWN') AS unknown
FROM switch.payment AS p
JOIN switch.participant AS d ON d.id = p.debtor_agent
JOIN switch.participant AS c ON c.id = p.creditor_agent
LEFT JOIN ledger.resolution AS r ON r.number = p.number
LEFT JOIN switch.open_payment AS o ON o.number = p.number
WHERE p.number > $1 GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
