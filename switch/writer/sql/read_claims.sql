-- read_claims: payments with earlier claims, the claims' expiry, and whether the payment was aborted.
--   $1 keys
SELECT c.key, c.number, c.until, coalesce(r.outcome = 'voided', false) AS voided
FROM switch.claim AS c LEFT JOIN ledger.resolution AS r ON r.number = c.number
WHERE c.key = ANY($1)
