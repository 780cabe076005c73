-- payments_at_night: payments from an amount on that were accepted in the quiet hours of the debtor's country.
--   $1 after this event  $2 up to this event  $3 outcomes as after this event  $4 owners, or null for all
--   $5 currencies  $6 from these amounts on, minor units  $7 time zones of the currencies
--   $8 the first quiet hour  $9 the first hour that is not quiet; quiet hours may pass midnight
SELECT p.number, p.uetr, accepted.at, p.debtor_agent, p.creditor_agent, p.debit_currency, p.debit_minor,
       party.debtor, party.creditor, NULL::bigint AS related
  FROM unnest($5::text[], $6::bigint[], $7::text[]) AS limits (currency, threshold, zone)
  JOIN switch.payment AS p ON p.debit_currency = limits.currency AND p.debit_minor >= limits.threshold
  JOIN ledger.resolution AS r ON r.number = p.number AND r.outcome = 'posted' AND r.seq <= $3
  JOIN ledger.event AS accepted ON accepted.seq = p.number
  LEFT JOIN switch.payment_party AS party ON party.number = p.number
 CROSS JOIN LATERAL (SELECT extract(hour FROM accepted.at AT TIME ZONE limits.zone)::integer AS hour) AS clock
 WHERE p.number > $1 AND p.number <= $2
   AND ($4::text[] IS NULL OR p.debtor_agent = ANY ($4) OR p.creditor_agent = ANY ($4))
   AND CASE WHEN $8::integer <= $9::integer THEN clock.hour >= $8 AND clock.hour < $9
            ELSE clock.hour >= $8 OR clock.hour < $9 END
 ORDER BY p.number;
