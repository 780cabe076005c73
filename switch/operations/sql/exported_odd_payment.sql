-- exported_odd_payment: for DuckDB: a posted payment without its legs, legs without their payment, or another fee.
WITH paid AS (
    SELECT number, fee_minor FROM payments WHERE outcome = 'posted'
), legs AS (
    SELECT number, CAST(coalesce(sum(amount_minor) FILTER (purpose = 'fee'), 0) AS BIGINT) AS fee_minor
      FROM entries
     WHERE kind = 'two_phase'
     GROUP BY number
)
SELECT number
  FROM paid FULL JOIN legs USING (number)
 WHERE paid.fee_minor IS DISTINCT FROM legs.fee_minor
 ORDER BY number
 LIMIT 1
