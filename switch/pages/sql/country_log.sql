-- country_log: the same of a country's payments.
--   $1 before this event  $2 so far back  $3 at most so many
SELECT e.seq, e.number, e.at, e.kind, e.body, p.uetr, NULL::bigint AS window
FROM regulator.payment_event AS e JOIN regulator.payment AS p USING (number)
WHERE e.seq < $1 AND e.seq >= $1 - $2
ORDER BY e.seq DESC LIMIT $3
