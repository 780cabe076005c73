-- wrong_payment_facts: hours and days whose facts are not what the log has; the parameters are those of `payment_facts`.
WITH log AS (
{facts}
), kept AS (
    SELECT span, at, sender, debtor_agent, creditor_agent, rail, debit_currency, credit_currency, outcome,
           payments, returned, debit_minor, credit_minor, fee_minor, returned_minor, within_10_s, within_60_s, within_1_h,
           priced, priced_minor, cost_micros, within_3, within_5
      FROM switch.payment_fact WHERE at >= $3
)
SELECT DISTINCT span, at FROM (
    (SELECT * FROM log EXCEPT ALL SELECT * FROM kept) UNION ALL (SELECT * FROM kept EXCEPT ALL SELECT * FROM log)
) AS differing
ORDER BY at, span
