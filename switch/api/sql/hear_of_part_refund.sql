-- hear_of_part_refund: as hear_of_refund, for the refund of a part.
--   $1 rail  $2 id of our order at the rail  $3 whether the rail says that it is done
UPDATE switch.part_refund AS r
   SET refund_due_at = CASE WHEN r.refund IN ('sent', 'unknown') OR (r.refund = 'refused' AND $3) THEN clock_timestamp()
                            ELSE r.refund_due_at END
  FROM switch.inbound_order AS o
 WHERE r.rail = $1 AND r.refund_ref = $2 AND r.refund_ref <> ''
   AND o.rail = r.rail AND o.kind = 'order' AND o.ref = r.ref AND r.part > o.part_settled
RETURNING o.uetr, r.refund, o.sealed_key, r.ordinal
