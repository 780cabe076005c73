-- breaks_of_uetrs: open breaks of payments that a rail executed and that were unknown here.
--   $1 UETRs
SELECT id FROM switch.reconciliation_break
 WHERE uetr = ANY ($1::uuid[]) AND kind = 'credited_unknown_here' AND resolved_at IS NULL
 ORDER BY id
