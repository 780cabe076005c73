-- stop_inbound: an order that is not given to the intake will not be; one that was, before a restore, cannot be stopped.
--   $1 rail  $2 ref  $3 reason
UPDATE switch.inbound_order AS o
   SET state = 'stopped', reason = $3, decided_at = date_trunc('milliseconds', clock_timestamp()), due_at = clock_timestamp()
 WHERE rail = $1 AND kind = 'order' AND ref = $2 AND state = 'received'
   AND NOT EXISTS (SELECT FROM switch.restore_line AS l WHERE l.uetr = o.uetr AND l.done)
