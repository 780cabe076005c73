-- incomplete_payments: committed payments above a floor that lack data which must travel with them.
--   $1 after this event  $2 up to this event  $3 outcomes as after this event  $4 owners, or null for all
--   $5 currencies  $6 floors, minor units
SELECT p.number, p.uetr, accepted.at, p.debtor_agent, p.creditor_agent, p.debit_currency, p.debit_minor,
       party.debtor, party.creditor, NULL::bigint AS related, party.missing
  FROM switch.payment_party AS party
  JOIN switch.payment AS p ON p.number = party.number
  JOIN unnest($5::text[], $6::bigint[]) AS limits (currency, threshold)
    ON limits.currency = p.debit_currency AND p.debit_minor > limits.threshold
  JOIN ledger.resolution AS r ON r.number = p.number AND r.outcome = 'posted' AND r.seq <= $3
  JOIN ledger.event AS accepted ON accepted.seq = p.number
 WHERE party.number > $1 AND party.number <= $2
   AND party.missing <> '{}'
   AND ($4::text[] IS NULL OR p.debtor_agent = ANY ($4) OR p.creditor_agent = ANY ($4))
 ORDER BY p.number;
