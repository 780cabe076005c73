-- settlement_ages: age of the oldest settlement in each state that is not final, in seconds.
SELECT s.state, coalesce(extract(epoch FROM clock_timestamp() - min(u.since)), 0)::float8 AS age
FROM (VALUES ('CLOSED'), ('CONFIRMED'), ('SETTLING')) AS s (state)
LEFT JOIN (
    SELECT state, changed_at AS since FROM switch.settlement WHERE state NOT IN ('SETTLED', 'ABORTED')
    UNION ALL
    SELECT 'CLOSED', w.closed_at FROM ledger.settlement_window AS w
    WHERE w.closed_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM switch.settlement AS s WHERE s.settlement_window = w.number)
) AS u USING (state) GROUP BY 1
