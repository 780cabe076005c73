-- corridor: a corridor: whether it is open, its settlement and its fees.
--   $1 source  $2 target
SELECT enabled, settlement, fee_minor, fee_bps FROM switch.corridor
WHERE source = $1 AND target = $2
