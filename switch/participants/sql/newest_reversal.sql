-- newest_reversal: the rail of a payment and its newest reversal, if it has one.
--   $1 UETR
SELECT p.rail, r.id, r.state, coalesce(r.state IN ('ordered', 'sent', 'unknown'), false) AS is_open,
       coalesce(r.state IN ('ordered', 'sent', 'unknown') AND r.due_at IS NULL, false) AS awaits_people
FROM ledger.transfer AS t
JOIN switch.payment AS p ON p.number = t.number
LEFT JOIN LATERAL (SELECT * FROM switch.reversal AS v WHERE v.number = t.number ORDER BY v.change DESC LIMIT 1) AS r ON true
WHERE t.id = $1
