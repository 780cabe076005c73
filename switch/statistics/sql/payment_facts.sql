-- payment_facts: what a part of the log adds to the facts of payments, by hour and by day.
--   $1 after this event  $2 up to this event  $3 only payments that were accepted from this instant on
-- A payment counts where it was accepted, when its outcome comes: refused at once, committed, or rejected. What came back
-- counts when it came, each part with its amount; a payment is returned with the part that makes it whole. A return in full
-- takes the payment out of the costs, because its fee was returned too. A creditor agent that the switch does not know (a
-- BIC, which has capital letters) is left empty: senders must not be able to make rows of their own.
-- The cost is the switch's fee and the exchange margin: the distance of the rate below the middle of the provider's two
-- quotes at that instant, as in reports/sql/costs.sql.
WITH ended AS (
    SELECT e.at, get_byte(e.change, 0) AS tag, e.number, 0 AS back_minor, false AS whole, false AS with_fee
      FROM ledger.event AS e
     WHERE e.seq > $1 AND e.seq <= $2
       AND e.change <> ''
       AND get_byte(e.change, 0) IN (ascii('P'), ascii('V'), ascii('F'))
    UNION ALL
    SELECT NULL, ascii('C'), r.payment, r.debit_minor, r.whole, r.with_fee
      FROM switch.payment_return AS r WHERE r.number > $1 AND r.number <= $2
), outcome AS (
    SELECT p.*, accepted.at AS accepted_at, ended.tag, ended.back_minor, ended.whole, ended.with_fee,
           (extract(epoch FROM ended.at - accepted.at) * 1000000)::bigint AS micros,
           CASE WHEN p.rate = '' THEN 0
                WHEN back.rate IS NULL THEN NULL
                ELSE greatest(0, round(1000000 * (1 - 2 * p.rate::numeric / (p.rate::numeric + 1 / back.rate))))
           END::bigint AS margin_ppm
      FROM ended
      JOIN switch.payment AS p ON p.number = ended.number AND (ended.tag = ascii('F')) = (p.native_ref = '')
      JOIN ledger.event AS accepted ON accepted.seq = p.number AND accepted.at >= $3
      LEFT JOIN LATERAL (
          SELECT rate FROM switch.fx_rate
           WHERE p.rate <> '' AND source = p.credit_currency AND target = p.debit_currency
             AND valid_from <= accepted.at
           ORDER BY valid_from DESC LIMIT 1
      ) AS back ON true
), valued AS (
    SELECT outcome.*,
           CASE WHEN tag = ascii('P') THEN 1 WHEN with_fee THEN -1 ELSE 0 END AS priced, -- by how much it counts
           fee_minor::numeric * 1000000 + debit_minor::numeric * coalesce(margin_ppm, 0) AS cost_micros
      FROM outcome
)
SELECT span, date_trunc(span, accepted_at, 'UTC') AS at, sender,
       debtor_agent, CASE WHEN creditor_agent = lower(creditor_agent) THEN creditor_agent ELSE '' END AS creditor_agent,
       rail,
       debit_currency, credit_currency,
       CASE tag WHEN ascii('F') THEN 'refused' WHEN ascii('V') THEN 'rejected' ELSE 'committed' END AS outcome,
       count(*) FILTER (WHERE tag <> ascii('C')) AS payments,
       count(*) FILTER (WHERE whole) AS returned,
       coalesce(sum(debit_minor) FILTER (WHERE tag = ascii('P')), 0) AS debit_minor,
       coalesce(sum(credit_minor) FILTER (WHERE tag = ascii('P')), 0) AS credit_minor,
       coalesce(sum(fee_minor) FILTER (WHERE tag = ascii('P')), 0) AS fee_minor,
       sum(back_minor) AS returned_minor,
       count(*) FILTER (WHERE tag = ascii('P') AND micros < 10000000) AS within_10_s,
       count(*) FILTER (WHERE tag = ascii('P') AND micros < 60000000) AS within_60_s,
       count(*) FILTER (WHERE tag = ascii('P') AND micros < 3600000000) AS within_1_h,
       sum(priced) AS priced,
       sum(priced * debit_minor) AS priced_minor,
       sum(priced * cost_micros) AS cost_micros,
       coalesce(sum(priced) FILTER (WHERE cost_micros <= debit_minor::numeric * 30000), 0) AS within_3,
       coalesce(sum(priced) FILTER (WHERE cost_micros <= debit_minor::numeric * 50000), 0) AS within_5
  FROM valued
 CROSS JOIN (VALUES ('hour'), ('day')) AS s (span)
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
