-- lease_serials: lease a block of serials; returns the end of the block.
--   $1 rail  $2 period  $3 size of the block
INSERT INTO switch.rail_serial AS s (rail, period, next) VALUES ($1, $2, $3)
ON CONFLICT (rail, period) DO UPDATE SET next = s.next + $3
RETURNING s.next
