-- payment_time_facts: what a part of the log adds to the times of committed payments, by hour and by day.
--   $1 after this event  $2 up to this event  $3 only payments that were accepted from this instant on
--   $4 edges of the buckets, microseconds
SELECT span, date_trunc(span, accepted.at, 'UTC') AS at, p.sender, p.debtor_agent, p.creditor_agent, p.rail,
       p.debit_currency, p.credit_currency,
       width_bucket((extract(epoch FROM e.at - accepted.at) * 1000000)::bigint, $4::bigint[])::smallint AS bucket,
       count(*) AS payments
  FROM ledger.event AS e
  JOIN switch.payment AS p ON p.number = e.number
  JOIN ledger.event AS accepted ON accepted.seq = p.number AND accepted.at >= $3
 CROSS JOIN (VALUES ('hour'), ('day')) AS s (span)
 WHERE e.seq > $1 AND e.seq <= $2
   AND e.change <> '' AND get_byte(e.change, 0) = ascii('P')
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
