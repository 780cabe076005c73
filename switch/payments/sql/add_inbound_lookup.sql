-- add_inbound_lookup: keep a look-up of a rail whose price is to be promised.
--   $1 id  $2 rail  $3 gateway  $4 request, sealed  $5 seconds for which the rail's answer waits
INSERT INTO switch.inbound_lookup (id, rail, gateway, request, waits_until)
VALUES ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 second')
