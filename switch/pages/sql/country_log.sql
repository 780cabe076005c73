-- country_log: events of the payments of a country, newest first, with the payment of each.
--   $1 before this event  $2 maximum number of events searched  $3 limit
SELECT e.seq, e.number, e.at, e.kind, e.body, p.uetr, NULL::bigint AS window
FROM regulator.payment_event AS e JOIN regulator.payment AS p USING (number)
WHERE e.seq < $1 AND e.seq >= $1 - $2
ORDER BY e.seq DESC LIMIT $3
