-- are_posted: whether payments are posted.
--   $1 UETRs
SELECT t.id, coalesce(r.outcome = 'posted', false) AS posted
FROM ledger.transfer AS t LEFT JOIN ledger.resolution AS r USING (number) WHERE t.id = ANY($1)
