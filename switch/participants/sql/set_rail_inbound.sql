-- set_rail_inbound: who takes the orders of a rail, and whether new ones are accepted.
--   $1 rail  $2 gateway  $3 open  $4 change
INSERT INTO switch.rail_inbound (rail, gateway, open, change) VALUES ($1, $2, $3, $4)
ON CONFLICT (rail) DO UPDATE SET gateway = excluded.gateway, open = excluded.open, change = excluded.change
