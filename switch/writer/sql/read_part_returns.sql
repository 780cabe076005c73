-- read_part_returns: payments, and what parts have returned of each; found by the ledger's index of ids.
--   $1 UETRs
SELECT t.id AS uetr, count(r.number) AS parts, coalesce(sum(r.credit_minor), 0)::bigint AS minor
FROM ledger.transfer AS t LEFT JOIN switch.part_return AS r ON r.payment = t.number
WHERE t.id = ANY($1::uuid[]) GROUP BY 1
