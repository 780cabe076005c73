-- hear_of_refund: our refund of an order is to be asked about now, since its rail has said something about it; what we have.
--   $1 rail  $2 id of our order at the rail  $3 whether the rail says that it is done
-- What the rail says is believed only after it was asked. No row: it is none, or two people have settled it.
UPDATE switch.inbound_order
   SET refund_due_at = CASE WHEN refund IN ('sent', 'unknown') OR (refund = 'refused' AND $3) THEN clock_timestamp()
                            ELSE refund_due_at END
 WHERE rail = $1 AND refund_ref = $2 AND refund_ref <> '' AND (settled IS NULL OR settled = 0)
RETURNING uetr, refund, sealed_key, 0 AS ordinal
