-- read_claims: payments with earlier claims, the claims' expiry, and whether the payment was aborted, or held and then refused.
--   $1 keys
SELECT c.key, c.number, c.until, coalesce(r.outcome = 'voided', h.ended_at IS NOT NULL) AS voided
FROM switch.claim AS c
LEFT JOIN ledger.resolution AS r ON r.number = c.number
LEFT JOIN switch.screening_hold AS h ON h.number = c.number
WHERE c.key = ANY($1)
