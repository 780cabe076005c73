-- creditor_agents: the creditor agent of each payment, and what bounds its return, found by the ledger's index of ids.
--   $1 UETRs
SELECT t.id AS uetr, p.creditor_agent, p.fx_provider, p.debit_minor, p.debit_currency, p.credit_minor,
       p.credit_currency, p.rate, r.number IS NOT NULL AS posted, e.at AS credited_at,
       EXISTS (SELECT FROM ledger.transfer AS c WHERE c.corrects = t.number) AS returned,
       CASE WHEN f.provider = p.fx_provider AND a.status = 'active' THEN f.rate::text END AS rate_in_force
FROM ledger.transfer AS t
JOIN switch.payment AS p ON p.number = t.number
LEFT JOIN ledger.resolution AS r ON r.number = t.number AND r.outcome = 'posted'
LEFT JOIN ledger.event AS e ON e.seq = r.seq
LEFT JOIN switch.participant AS a ON a.id = p.fx_provider
LEFT JOIN LATERAL (
    SELECT provider, rate FROM switch.fx_rate
    WHERE source = p.debit_currency::char(3) AND target = p.credit_currency::char(3)
      AND valid_from <= clock_timestamp()
    ORDER BY valid_from DESC LIMIT 1
) AS f ON p.fx_provider <> ''
WHERE t.id = ANY($1::uuid[])
