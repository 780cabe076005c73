-- listed_payments: payments of a period that match every stated condition, with their outcome.
--   $1 after this event  $2 up to this event  $3 outcomes as after this event  $4 owners, or null for all
--   $5 debit currency, or null  $6 more than this amount of it, minor units, or null
--   $7 country of the debtor agent, or null  $8 country of the creditor agent, or null
--   $9 pseudonym of the debtor, or null  $10 maximum number
SELECT p.number, p.uetr, accepted.at AS accepted_at, ended.at AS final_at, p.debtor_agent, p.creditor_agent,
       coalesce(source.country, '') AS source, coalesce(target.country, '') AS target,
       p.debit_currency, p.debit_minor, p.credit_currency, p.credit_minor,
       CASE WHEN p.native_ref = '' THEN 'refused' WHEN r.outcome = 'posted' THEN 'committed'
            WHEN r.outcome = 'voided' THEN 'rejected' ELSE 'open' END AS outcome,
       EXISTS (SELECT FROM switch.payment_return AS r WHERE r.payment = p.number AND r.number <= $3 AND r.whole) AS returned
  FROM switch.payment AS p
  JOIN ledger.event AS accepted ON accepted.seq = p.number
  LEFT JOIN ledger.resolution AS r ON r.number = p.number AND r.seq <= $3
  LEFT JOIN ledger.event AS ended ON ended.seq = r.seq
  LEFT JOIN switch.participant AS source ON source.id = p.debtor_agent
  LEFT JOIN switch.participant AS target ON target.id = p.creditor_agent
 WHERE p.number > $1 AND p.number <= $2
   AND ($4::text[] IS NULL OR p.debtor_agent = ANY ($4) OR p.sender = ANY ($4)
        OR (p.creditor_agent = ANY ($4) AND p.native_ref <> '')) -- refused by the switch: not visible to the creditor agent
   AND ($5::text IS NULL OR p.debit_currency = $5)
   AND ($6::bigint IS NULL OR p.debit_minor > $6)
   AND ($7::text IS NULL OR source.country = $7)
   AND ($8::text IS NULL OR target.country = $8)
   AND ($9::bytea IS NULL OR EXISTS (
        SELECT FROM switch.payment_party AS party WHERE party.number = p.number AND party.debtor = $9))
 ORDER BY p.number
 LIMIT $10
