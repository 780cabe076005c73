-- liquidity: headroom of every capped position, what its payments have reserved, its open window, and the alert in force.
-- A settlement that is to be received reserves money too, but no payment does.
WITH receiving AS (
    SELECT account, sum(net_minor + carried_minor)::bigint AS minor FROM switch.settlement_line
    WHERE state = 'INSTRUCTED' AND net_minor + carried_minor > 0 GROUP BY account
)
SELECT a.owner AS participant, a.currency::text AS currency, w.number AS window,
       a.credits_posted + a.net_debit_cap - a.debits_posted - a.debits_pending AS headroom,
       greatest(0, a.debits_pending - coalesce(receiving.minor, 0)) AS reserved,
       coalesce(alert.level, 0) AS level
FROM ledger.account AS a
JOIN switch.participant AS p ON p.id = a.owner
LEFT JOIN ledger.settlement_window AS w ON w.currency = a.currency AND w.closing_seq IS NULL
LEFT JOIN receiving ON receiving.account = a.number
LEFT JOIN switch.liquidity_alert AS alert ON alert.participant = a.owner AND alert.currency = a.currency
WHERE a.purpose = 'position' AND NOT a.closed AND a.net_debit_cap IS NOT NULL
ORDER BY a.owner, a.currency
