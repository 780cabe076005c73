-- postpone_inbound: look at an order or a return again later.
--   $1 rail  $2 kind  $3 ref  $4 seconds  $5 attempts to deliver its answer in this step
UPDATE switch.inbound_order SET due_at = clock_timestamp() + $4 * interval '1 second', attempts = attempts + $5
WHERE rail = $1 AND kind = $2 AND ref = $3
