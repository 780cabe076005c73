-- read_inbound: what is known of an order or a return.
--   $1 rail  $2 kind  $3 ref
SELECT rail::text, kind, ref, uetr, state, digest, reason, received_at, decided_at FROM switch.inbound_order
WHERE rail = $1 AND kind = $2 AND ref = $3
