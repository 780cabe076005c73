-- read_reversals: payments, and the newest reversal of each; found by the ledger's index of ids.
--   $1 UETRs
SELECT t.id AS uetr, t.number, p.rail, p.credit_minor, p.credit_currency,
       r.id, r.change, r.reason, r.state, r.attempts, r.detail,
       coalesce((extract(epoch FROM r.due_at) * 1000000)::bigint, 0) AS due
FROM ledger.transfer AS t
JOIN switch.payment AS p ON p.number = t.number
LEFT JOIN LATERAL (SELECT * FROM switch.reversal AS v WHERE v.number = t.number ORDER BY v.change DESC LIMIT 1) AS r ON true
WHERE t.id = ANY($1::uuid[])
