-- read_rail_returns: payments, and what their rails gave back of each; found by the ledger's index of ids.
--   $1 UETRs
SELECT t.id AS uetr, t.number, p.rail, p.credit_minor, p.credit_currency, r.reference, r.minor, r.currency::text, r.reason,
       encode(sha256(r.message), 'hex') AS sha256, coalesce(r.left_because, '') AS left_because
FROM ledger.transfer AS t
JOIN switch.payment AS p ON p.number = t.number
LEFT JOIN switch.rail_return AS r ON r.number = t.number
WHERE t.id = ANY($1::uuid[])
