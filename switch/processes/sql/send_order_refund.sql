-- send_order_refund: an attempt may leave us once this is durable.
--   $1 rail  $2 ref  $3 state before  $4 seconds until the rail is asked about it
UPDATE switch.inbound_order
   SET refund = 'sent', refund_tries = refund_tries + 1, refund_changed_at = clock_timestamp(),
       refund_due_at = clock_timestamp() + $4 * interval '1 second'
 WHERE rail = $1 AND kind = 'order' AND ref = $2 AND refund = $3 AND settled IS NULL
   AND refund_expires_at > clock_timestamp()
RETURNING true
