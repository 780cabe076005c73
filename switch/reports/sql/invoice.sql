-- invoice: charges that were posted, and refunded by returns, in a period, by participant, corridor and tariff.
--   $1 after this event  $2 up to this event  $3 owners who paid them, or null for all
-- As statements of accounts, it follows the log: what is held or failed has no posting. The fee of a corridor is tariff 0.
WITH moved AS (
    SELECT coalesce(t.corrects, t.number) AS payment, t.corrects IS NOT NULL AS refunds
      FROM ledger.event AS e
      JOIN ledger.transfer AS t ON t.number = e.number
     WHERE e.seq > $1
       AND e.seq <= $2
       AND e.change <> ''
       AND get_byte(e.change, 0) IN (ascii('P'), ascii('C'))
), charged AS (
    SELECT p.debtor_agent, p.creditor_agent, p.debit_currency, moved.refunds,
           coalesce(c.tariff, 0) AS tariff, coalesce(c.component, 'switch') AS component,
           coalesce(c.deducted, false) AS deducted, coalesce(c.minor, p.fee_minor) AS minor
      FROM moved
      JOIN switch.payment AS p ON p.number = moved.payment
      LEFT JOIN switch.payment_charge AS c ON c.number = p.number
     WHERE $3::text[] IS NULL OR p.debtor_agent = ANY ($3)
)
SELECT charged.debtor_agent AS participant, source.country AS source, target.country AS target,
       charged.component, charged.deducted, charged.tariff, charged.debit_currency AS currency,
       tariff.flat_minor, tariff.bps, tariff.least_minor, tariff.most_minor,
       count(*) FILTER (WHERE NOT refunds) AS charges,
       coalesce(sum(minor) FILTER (WHERE NOT refunds), 0)::bigint AS charged_minor,
       count(*) FILTER (WHERE refunds) AS refunds,
       coalesce(sum(minor) FILTER (WHERE refunds), 0)::bigint AS refunded_minor
  FROM charged
  JOIN switch.participant AS source ON source.id = charged.debtor_agent
  JOIN switch.participant AS target ON target.id = charged.creditor_agent
  LEFT JOIN switch.tariff AS tariff ON tariff.number = charged.tariff
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
 ORDER BY 1, 2, 3, 7, 4 DESC, 5, 6
