-- move_order_refund: what was learned of our order to the rail. Done: nothing is owed for the order any more.
--   $1 rail  $2 ref  $3 state before  $4 state  $5 why  $6 seconds until the next step, or NULL: people end it, or it has ended
--   $7 attempts that certainly did not leave us  $8 enquiries that the rail answered
--   $9 what the rail gave back of an order that it had executed: it is owed again
UPDATE switch.inbound_order
   SET refund = $4, refund_detail = $5, refund_due_at = clock_timestamp() + $6::float8 * interval '1 second',
       refund_tries = refund_tries - $7, refund_enquiries = refund_enquiries + $8, refund_back_minor = $9,
       refund_changed_at = CASE WHEN refund = $4 THEN refund_changed_at ELSE clock_timestamp() END,
       settled = CASE $4 WHEN 'done' THEN 0 WHEN 'given_back' THEN NULL ELSE settled END
 WHERE rail = $1 AND kind = 'order' AND ref = $2 AND refund = $3 AND (settled IS NULL OR (settled = 0 AND refund = 'done'))
