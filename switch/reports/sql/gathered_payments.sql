-- gathered_payments: payments by which a creditor's account has been paid by a number of debtors on one day (UTC).
--   $1 after this event  $2 up to this event  $3 outcomes as after this event  $4 owners, or null for all
--   $5 earlier payments after this event count too  $6 number
WITH paid AS (
    SELECT p.number, accepted.at, party.creditor, date_trunc('day', accepted.at, 'UTC') AS day,
           row_number() OVER (PARTITION BY party.creditor, party.debtor, date_trunc('day', accepted.at, 'UTC')
                              ORDER BY p.number) AS place
      FROM switch.payment AS p
      JOIN ledger.resolution AS r ON r.number = p.number AND r.outcome = 'posted' AND r.seq <= $3
      JOIN ledger.event AS accepted ON accepted.seq = p.number
      JOIN switch.payment_party AS party
        ON party.number = p.number AND party.debtor IS NOT NULL AND party.creditor IS NOT NULL
     WHERE p.number > $5 AND p.number <= $2
       AND r.number > $5 AND r.number <= $2
       AND accepted.seq > $5 AND accepted.seq <= $2
       AND party.number > $5 AND party.number <= $2
       AND ($4::text[] IS NULL OR p.debtor_agent = ANY ($4) OR p.creditor_agent = ANY ($4))
), counted AS (
    SELECT number, at, count(*) OVER (PARTITION BY creditor, day ORDER BY number) AS related FROM paid WHERE place = 1
)
SELECT p.number, p.uetr, counted.at, p.debtor_agent, p.creditor_agent, p.debit_currency, p.debit_minor,
       party.debtor, party.creditor, counted.related
  FROM counted
  JOIN switch.payment AS p USING (number)
  JOIN switch.payment_party AS party USING (number)
 WHERE counted.related >= $6 AND counted.number > $1
 ORDER BY counted.number;
