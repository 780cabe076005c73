-- wrong_liquidity_facts: hours and days whose liquidity is not what the log has; the parameters are those of
-- `liquidity_facts`.
WITH log AS (
{facts}
), kept AS (
    SELECT span, at, account, owner, currency, purpose, least, least_at, exposure, cap
      FROM switch.liquidity_fact WHERE at >= $3
)
SELECT DISTINCT span, at FROM (
    (SELECT * FROM log EXCEPT ALL SELECT * FROM kept) UNION ALL (SELECT * FROM kept EXCEPT ALL SELECT * FROM log)
) AS differing
ORDER BY at, span
