-- first_payments: large first payments of a debtor's account to a creditor's account.
--   $1 after this event  $2 up to this event  $3 outcomes as after this event  $4 owners, or null for all
--   $5 currencies  $6 from this amount on, minor units
SELECT p.number, p.uetr, accepted.at, p.debtor_agent, p.creditor_agent, p.debit_currency, p.debit_minor,
       party.debtor, party.creditor, NULL::bigint AS related
  FROM unnest($5::text[], $6::bigint[]) AS limits (currency, threshold)
  JOIN switch.payment AS p ON p.debit_currency = limits.currency AND p.debit_minor >= limits.threshold
  JOIN ledger.resolution AS r ON r.number = p.number AND r.outcome = 'posted' AND r.seq <= $3
  JOIN ledger.event AS accepted ON accepted.seq = p.number
  JOIN switch.payment_party AS party ON party.number = p.number
 WHERE p.number > $1 AND p.number <= $2
   AND party.debtor IS NOT NULL
   AND ($4::text[] IS NULL OR p.debtor_agent = ANY ($4) OR p.creditor_agent = ANY ($4))
   AND NOT EXISTS (SELECT FROM switch.payment_party AS earlier
                    WHERE earlier.debtor = party.debtor AND earlier.creditor = party.creditor
                      AND earlier.number < party.number)
 ORDER BY p.number;
