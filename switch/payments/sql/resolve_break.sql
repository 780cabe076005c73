-- resolve_break: mark an open break as resolved.
--   $1 break  $2 owner  $3 resolution
UPDATE switch.reconciliation_break SET owner = $2, resolution = $3, resolved_at = clock_timestamp()
WHERE id = $1 AND resolved_at IS NULL RETURNING id
