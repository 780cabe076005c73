-- set_rail_inbound: who takes the orders of a rail, whether new ones are accepted, the purpose of those without one, and
-- whether what is returned from now on is refunded over the rail.
--   $1 rail  $2 gateway  $3 open  $4 change  $5 purpose, or empty  $6 refunds
INSERT INTO switch.rail_inbound AS r (rail, gateway, open, change, purpose, refunds_since)
VALUES ($1, $2, $3, $4, $5, CASE WHEN $6::boolean THEN clock_timestamp() END)
ON CONFLICT (rail) DO UPDATE
   SET gateway = excluded.gateway, open = excluded.open, change = excluded.change, purpose = excluded.purpose,
       refunds_since = CASE WHEN excluded.refunds_since IS NOT NULL THEN coalesce(r.refunds_since, excluded.refunds_since) END
