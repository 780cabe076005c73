-- unfinished: payments of a period that were not posted, with the last step of each.
--   $1 after this event  $2 up to this event  $3 states as after this event  $4 owners, or null for all
--   $5 kinds of the steps of a payment's life
SELECT p.number, p.uetr, p.sender, p.debtor_agent, p.creditor_agent, p.rail,
       p.debit_currency, p.debit_minor, accepted.at AS accepted_at,
       coalesce(sends.country, '') AS sender_country,
       step.kind, step.at, step.body
  FROM switch.payment AS p
  JOIN ledger.event AS accepted ON accepted.seq = p.number
  LEFT JOIN ledger.resolution AS r ON r.number = p.number AND r.seq <= $3
  LEFT JOIN switch.participant AS sends ON sends.id = p.sender
 CROSS JOIN LATERAL (
    SELECT e.kind, e.at, convert_from(e.body, 'UTF8')::jsonb AS body
      FROM ledger.event AS e
     WHERE e.number = p.number AND e.seq <= $3
       AND e.kind = ANY ($5::text[])
     ORDER BY e.seq DESC
     LIMIT 1
 ) AS step
 WHERE p.number > $1 AND p.number <= $2
   AND r.outcome IS DISTINCT FROM 'posted'
   AND ($4::text[] IS NULL OR p.debtor_agent = ANY ($4) OR p.sender = ANY ($4)
        OR (p.creditor_agent = ANY ($4) AND p.native_ref <> '')) -- refused by the switch: not visible to the creditor agent
 ORDER BY p.number;
