-- read_payment_time_facts: number of committed payments in each bucket of times, by what is asked.
--   $1 span  $2 from  $3 before  $4 owners, or null for all  $5 rail, or null for all  $6 source, or null for all
--   $7 target, or null for all  $8 what to group by: time, corridor, rail, participant  $9 step of time
SELECT CASE WHEN 'time' = ANY ($8::text[]) THEN date_trunc($9, f.at, 'UTC') END AS at,
       CASE WHEN 'corridor' = ANY ($8) THEN coalesce(source.country, sends.country, '')::text ELSE '' END AS source,
       CASE WHEN 'corridor' = ANY ($8) THEN coalesce(target.country, '')::text ELSE '' END AS target,
       CASE WHEN 'rail' = ANY ($8) THEN f.rail ELSE '' END AS rail,
       CASE WHEN 'participant' = ANY ($8) THEN f.debtor_agent ELSE '' END AS participant,
       f.debit_currency,
       CASE WHEN 'corridor' = ANY ($8) THEN f.credit_currency ELSE '' END AS credit_currency,
       f.bucket, sum(f.payments)::bigint AS payments
  FROM switch.payment_time_fact AS f
  LEFT JOIN switch.participant AS source ON source.id = f.debtor_agent
  LEFT JOIN switch.participant AS target ON target.id = f.creditor_agent
  LEFT JOIN switch.participant AS sends ON sends.id = f.sender
 WHERE f.span = $1 AND f.at >= $2 AND f.at < $3
   AND ($4::text[] IS NULL OR f.debtor_agent = ANY ($4) OR f.sender = ANY ($4)
        OR f.creditor_agent = ANY ($4))
   AND ($5::text IS NULL OR f.rail = $5)
   AND ($6::text IS NULL OR coalesce(source.country, sends.country) = $6)
   AND ($7::text IS NULL OR target.country = $7)
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
