-- read_claims: who made claims before, until when they hold, and whether that payment was given up.
--   $1 keys
SELECT c.key, c.number, c.until, coalesce(r.outcome = 'voided', false) AS voided
FROM switch.claim AS c LEFT JOIN ledger.resolution AS r ON r.number = c.number
WHERE c.key = ANY($1)
