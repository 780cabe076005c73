-- add_corridor: insert a corridor with its fees, unless it exists.
--   $1 source  $2 target  $3 fee in minor units  $4 fee in basis points
INSERT INTO switch.corridor (source, target, fee_minor, fee_bps) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
