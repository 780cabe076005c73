-- resolved_breaks: the resolved breaks of a rail.
--   $1 rail
SELECT ref, kind FROM switch.reconciliation_break WHERE rail = $1 AND resolved_at IS NOT NULL
