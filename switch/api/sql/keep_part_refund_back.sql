-- keep_part_refund_back: as keep_refund_back, for the refund of a part.
--   $1 rail  $2 id of our order at the rail  $3 the rail's message, sealed
UPDATE switch.part_refund SET refund_back = $3, refund_due_at = clock_timestamp()
 WHERE rail = $1 AND refund_ref = $2 AND refund_ref <> '' AND refund = 'done' AND refund_back IS NULL
