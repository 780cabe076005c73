-- kept_result: the result of a payment whose events are archived.
--   $1 UETR
SELECT t.kind = 'failed' AS refused, coalesce(r.outcome = 'posted', false) AS posted,
       EXISTS (SELECT FROM ledger.transfer AS c WHERE c.corrects = t.number) AS returned
FROM ledger.transfer AS t
LEFT JOIN ledger.resolution AS r ON r.number = t.number
WHERE t.id = $1 AND t.number <= (SELECT max(last_seq) FROM ledger.archive)
