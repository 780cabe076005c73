-- move_part_refund: as move_order_refund, for a part, of which nothing may be stored yet; settle_part_refunds says when
-- nothing is owed for the order any more.
--   $1 rail  $2 ref  $3 part  $4 state before  $5 state  $6 why  $7 seconds until the next step, or NULL
--   $8 attempts that certainly did not leave us  $9 enquiries that the rail answered  $10 what the rail gave back
--   $11 what it leaves to the next part, or NULL: as before
INSERT INTO switch.part_refund AS r (rail, ref, part, ordinal, refund, refund_detail, refund_due_at, refund_changed_at, carried_minor)
SELECT o.rail, o.ref, $3,
       (SELECT count(*) FROM switch.part_return AS y JOIN switch.part_return AS x USING (payment)
         WHERE x.number = $3 AND y.number <= x.number),
       $5, $6, clock_timestamp() + $7::float8 * interval '1 second', clock_timestamp(), $11
  FROM switch.inbound_order AS o
 WHERE o.rail = $1 AND o.kind = 'order' AND o.ref = $2 AND $3 > o.part_settled AND (o.settled IS NULL OR o.settled = 0)
   AND ($4 = '' OR EXISTS (SELECT FROM switch.part_refund AS e WHERE e.rail = $1 AND e.ref = $2 AND e.part = $3))
ON CONFLICT (rail, ref, part) DO UPDATE
   SET refund = $5, refund_detail = $6, refund_due_at = clock_timestamp() + $7::float8 * interval '1 second',
       refund_tries = r.refund_tries - $8, refund_enquiries = r.refund_enquiries + $9, refund_back_minor = $10,
       carried_minor = coalesce($11, r.carried_minor),
       refund_changed_at = CASE WHEN r.refund = $5 THEN r.refund_changed_at ELSE clock_timestamp() END
 WHERE r.refund = $4
