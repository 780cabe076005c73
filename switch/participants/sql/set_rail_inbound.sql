-- set_rail_inbound: who takes the orders of a rail, whether new ones are accepted, and the purpose of those without one.
--   $1 rail  $2 gateway  $3 open  $4 change  $5 purpose, or empty
INSERT INTO switch.rail_inbound (rail, gateway, open, change, purpose) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (rail) DO UPDATE
   SET gateway = excluded.gateway, open = excluded.open, change = excluded.change, purpose = excluded.purpose
