-- corridor_fees: the fees of the corridors from a country.
--   $1 source  $2 target
SELECT source = $1 AND target = $2 AS own, fee_minor, fee_bps FROM switch.corridor WHERE source = $1
