-- structured_payments: payments just below a threshold of which a debtor made a number within a time.
--   $1 after this event  $2 up to this event  $3 outcomes as after this event  $4 owners, or null for all
--   $5 currencies  $6 thresholds, minor units  $7 earlier payments after this event count too
--   $8 just below: at least this many per cent of the threshold  $9 number  $10 time
WITH near AS (
    SELECT p.number, p.uetr, accepted.at, p.debtor_agent, p.creditor_agent, p.debit_currency, p.debit_minor,
           party.debtor, party.creditor
      FROM unnest($5::text[], $6::bigint[]) AS limits (currency, threshold)
      JOIN switch.payment AS p ON p.debit_currency = limits.currency AND p.debit_minor < limits.threshold
                              AND p.debit_minor * 100::numeric >= limits.threshold * $8::numeric
      JOIN ledger.resolution AS r ON r.number = p.number AND r.outcome = 'posted' AND r.seq <= $3
      JOIN ledger.event AS accepted ON accepted.seq = p.number
      JOIN switch.payment_party AS party ON party.number = p.number AND party.debtor IS NOT NULL
     WHERE p.number > $7 AND p.number <= $2
       AND ($4::text[] IS NULL OR p.debtor_agent = ANY ($4) OR p.creditor_agent = ANY ($4))
), counted AS (
    SELECT near.*, count(*) OVER (PARTITION BY debtor, debit_currency ORDER BY at
                                  RANGE BETWEEN $10::interval PRECEDING AND CURRENT ROW) AS related
      FROM near
)
SELECT * FROM counted WHERE related >= $9 AND number > $1 ORDER BY number;
