-- wrong_payment_time_facts: hours and days whose times are not what the log has; the parameters are those of
-- `payment_time_facts`.
WITH log AS (
{facts}
), kept AS (
    SELECT span, at, sender, debtor_agent, creditor_agent, rail, debit_currency, credit_currency, bucket, payments
      FROM switch.payment_time_fact WHERE at >= $3
)
SELECT DISTINCT span, at FROM (
    (SELECT * FROM log EXCEPT ALL SELECT * FROM kept) UNION ALL (SELECT * FROM kept EXCEPT ALL SELECT * FROM log)
) AS differing
ORDER BY at, span
