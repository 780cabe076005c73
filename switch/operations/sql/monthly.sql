-- monthly: what DuckDB prints of an exported directory when no other query is given; money in minor units.
SELECT strftime(day, '%Y-%m') AS month, debtor_country, creditor_country, debit_currency AS currency,
       count(*) FILTER (outcome = 'posted') AS posted,
       count(*) FILTER (outcome <> 'posted') AS not_posted,
       CAST(coalesce(sum(debit_minor) FILTER (outcome = 'posted'), 0) AS HUGEINT) AS debit_minor,
       CAST(coalesce(sum(fee_minor) FILTER (outcome = 'posted'), 0) AS HUGEINT) AS fee_minor,
       quantile_disc(epoch_ms(final_at) - epoch_ms(received_at), 0.5) FILTER (outcome = 'posted') AS ms_median
  FROM payments
 GROUP BY ALL
 ORDER BY ALL
