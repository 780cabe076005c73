-- send_part_refund: as send_order_refund, for a part.
--   $1 rail  $2 ref  $3 part  $4 state before  $5 seconds until the rail is asked about it
UPDATE switch.part_refund AS r
   SET refund = 'sent', refund_tries = r.refund_tries + 1, refund_changed_at = clock_timestamp(),
       refund_due_at = clock_timestamp() + $5 * interval '1 second'
  FROM switch.inbound_order AS o
 WHERE r.rail = $1 AND r.ref = $2 AND r.part = $3 AND r.refund = $4 AND r.refund_expires_at > clock_timestamp()
   AND o.rail = r.rail AND o.kind = 'order' AND o.ref = r.ref AND o.settled IS NULL AND r.part > o.part_settled
RETURNING true
