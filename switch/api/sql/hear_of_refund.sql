-- hear_of_refund: our refund of an order is to be asked about now, since its rail has said something about it; its state.
--   $1 rail  $2 id of our order at the rail
-- No row: it is none, or two people have settled it, so that what the rail says now is for people.
UPDATE switch.inbound_order
   SET refund_due_at = CASE WHEN refund IN ('sent', 'unknown') THEN clock_timestamp() ELSE refund_due_at END
 WHERE rail = $1 AND refund_ref = $2 AND refund_ref <> '' AND (settled IS NULL OR settled = 0)
RETURNING refund
