-- costs: cost to the sender of committed payments in a period, by corridor and by their terms. Returned payments are
-- left out, because their fee was returned too.
--   $1 after this event  $2 up to this event  $3 outcomes as after this event  $4 owners, or null for all
-- The fee is the switch's. The exchange margin is the distance of the rate below the middle of the provider's own two
-- quotes at that instant: the rate, and the inverse of the opposite rate. Without an opposite rate there is no margin.
WITH quoted AS (
    SELECT source, target, rate, valid_from AS begins,
           coalesce(lead(valid_from) OVER (PARTITION BY source, target ORDER BY valid_from), 'infinity') AS ends
      FROM switch.fx_rate
), paid AS (
    SELECT p.debtor_agent, p.creditor_agent, p.debit_currency, p.credit_currency, p.rate,
           p.debit_minor, p.fee_minor, back.rate AS rate_back
      FROM switch.payment AS p
      JOIN ledger.resolution AS r ON r.number = p.number AND r.outcome = 'posted' AND r.seq <= $3
      JOIN ledger.event AS accepted ON accepted.seq = p.number
      LEFT JOIN quoted AS back ON back.source = p.credit_currency AND back.target = p.debit_currency
                              AND back.begins <= accepted.at AND back.ends > accepted.at
     WHERE p.number > $1 AND p.number <= $2
       AND r.number > $1 AND r.number <= $2
       AND accepted.seq > $1 AND accepted.seq <= $2
       AND NOT EXISTS (SELECT FROM ledger.transfer AS back
                        WHERE back.corrects = p.number AND back.number <= $3)
       AND ($4::text[] IS NULL OR p.debtor_agent = ANY ($4) OR p.creditor_agent = ANY ($4))
), terms AS (
    SELECT rate, rate_back, -- millionths of the amount; the same for every payment at these terms
           (CASE WHEN rate = '' THEN 0
                 WHEN rate_back IS NULL THEN NULL
                 ELSE greatest(0, round(1000000 * (1 - 2 * rate::numeric / (rate::numeric + 1 / rate_back))))
            END)::bigint AS margin_ppm
      FROM (SELECT DISTINCT rate, rate_back FROM paid) AS t
), priced AS (
    SELECT paid.*, terms.margin_ppm,
           30000 - coalesce(terms.margin_ppm, 0) AS fee_max_3_ppm, 50000 - coalesce(terms.margin_ppm, 0) AS fee_max_5_ppm
      FROM paid JOIN terms ON terms.rate = paid.rate AND terms.rate_back IS NOT DISTINCT FROM paid.rate_back
)
SELECT source.country AS source, target.country AS target, priced.debit_currency AS currency,
       margin_ppm,
       count(*) AS payments,
       sum(debit_minor)::bigint AS debit_minor,
       sum(fee_minor)::bigint AS fee_minor,
       -- fee <= debit * max / 1000000, rounded down, in whole numbers that cannot overflow
       count(*) FILTER (WHERE fee_max_3_ppm >= 0 AND fee_minor <= debit_minor / 1000000 * fee_max_3_ppm
                              + debit_minor % 1000000 * fee_max_3_ppm / 1000000) AS within_3_percent,
       count(*) FILTER (WHERE fee_max_5_ppm >= 0 AND fee_minor <= debit_minor / 1000000 * fee_max_5_ppm
                              + debit_minor % 1000000 * fee_max_5_ppm / 1000000) AS within_5_percent
  FROM priced
  JOIN switch.participant AS source ON source.id = priced.debtor_agent
  JOIN switch.participant AS target ON target.id = priced.creditor_agent
 GROUP BY 1, 2, 3, 4
 ORDER BY 1, 2, 3, 4;
