-- own_open: how many payments of a participant are open, and how many of them unknown.
--   $1 participant
SELECT count(*) AS in_flight, count(*) FILTER (WHERE o.state = 'UNKNOWN') AS unknown
FROM switch.open_payment AS o JOIN switch.payment AS p USING (number)
WHERE $1 IN (p.debtor_agent, p.creditor_agent, p.sender)
