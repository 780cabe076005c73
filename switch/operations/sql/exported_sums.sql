-- exported_sums: for DuckDB: debits and credits of each account in a file of entries.
SELECT account, CAST(sum(debits) AS BIGINT), CAST(sum(credits) AS BIGINT)
  FROM (
    SELECT debit_account AS account, amount_minor AS debits, 0 AS credits FROM entries
     UNION ALL
    SELECT credit_account, 0, amount_minor FROM entries
  )
 GROUP BY account
