-- make_part_refund: as make_order_refund, for a part; the order is locked, so that people do not settle it meanwhile.
--   $1 rail  $2 ref  $3 part  $4 its UETR  $5 its id at the rail  $6 the native order  $7 amount  $8 when it expires
--   $9 how many were made, with this one  $10 what it leaves to the next part
WITH owed AS (
    SELECT rail, ref, uetr FROM switch.inbound_order
     WHERE rail = $1 AND kind = 'order' AND ref = $2 AND disputed = 'a part of its payment was returned' AND settled IS NULL
       AND $3 > part_settled AND $3 <= part_seen
       FOR UPDATE
)
INSERT INTO switch.part_refund AS r (rail, ref, part, ordinal, refund, refund_uetr, refund_ref, refund_body, refund_minor,
                                     refund_expires_at, refund_due_at, refund_made, refund_changed_at, carried_minor)
SELECT owed.rail, owed.ref, $3,
       (SELECT count(*) FROM switch.part_return AS y JOIN switch.part_return AS x USING (payment)
         WHERE x.number = $3 AND y.number <= x.number),
       'made', $4, $5, $6, $7, $8, clock_timestamp(), $9, clock_timestamp(), $10
  FROM owed
 WHERE $9 = 1 OR EXISTS (SELECT FROM switch.part_refund AS e WHERE e.rail = $1 AND e.ref = $2 AND e.part = $3)
ON CONFLICT (rail, ref, part) DO UPDATE
   SET refund = 'made', refund_uetr = $4, refund_ref = $5, refund_body = $6, refund_minor = $7, refund_expires_at = $8,
       refund_due_at = clock_timestamp(), refund_made = $9, refund_changed_at = clock_timestamp(), carried_minor = $10
 WHERE r.refund = '' AND r.refund_tries = 0 AND r.refund_made = $9 - 1
RETURNING true
