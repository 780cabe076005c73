-- own_open: number of open payments of a participant, and of those with unknown outcome.
--   $1 participant
SELECT count(*) AS in_flight, count(*) FILTER (WHERE o.state = 'UNKNOWN') AS unknown
FROM switch.open_payment AS o JOIN switch.payment AS p USING (number)
WHERE $1 IN (p.debtor_agent, p.creditor_agent, p.sender)
