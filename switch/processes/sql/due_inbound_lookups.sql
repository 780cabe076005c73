-- due_inbound_lookups: look-ups of a rail whose price is to be promised, and whose answer waits for that.
--   $1 rail  $2 how many
SELECT id, rail::text, gateway, request FROM switch.inbound_lookup
WHERE rail = $1 AND decided_at IS NULL AND waits_until > clock_timestamp() ORDER BY waits_until LIMIT $2
