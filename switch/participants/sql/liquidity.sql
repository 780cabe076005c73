-- liquidity: the use of every capped position since its window opened, and the alert in force.
WITH opening AS (
    SELECT DISTINCT ON (currency) currency, number FROM ledger.settlement_window
    WHERE closing_seq IS NOT NULL ORDER BY currency, number DESC
)
SELECT a.owner AS participant, a.currency::text AS currency,
       a.credits_posted + a.net_debit_cap - a.debits_posted - a.debits_pending AS headroom,
       greatest(0, a.debits_posted - a.credits_posted
                   - coalesce(b.debits_posted - b.credits_posted, 0)) + a.debits_pending AS used,
       coalesce(alert.level, 0) AS level
FROM ledger.account AS a
JOIN switch.participant AS p ON p.id = a.owner
LEFT JOIN opening AS o ON o.currency = a.currency
LEFT JOIN ledger.window_balance AS b ON b.settlement_window = o.number AND b.account = a.number
LEFT JOIN switch.liquidity_alert AS alert ON alert.participant = a.owner AND alert.currency = a.currency
WHERE a.purpose = 'position' AND NOT a.closed AND a.net_debit_cap IS NOT NULL
ORDER BY a.owner, a.currency
