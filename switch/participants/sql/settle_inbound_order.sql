-- settle_inbound_order: two people ended what is owed for an order; not while our refund over the rail is under way.
--   $1 UETR  $2 change
UPDATE switch.inbound_order AS o SET settled = $2, part_settled = part_seen
 WHERE uetr = $1 AND disputed <> '' AND settled IS NULL
   AND (refund IN ('', 'left') OR (refund IN ('refused', 'unknown', 'given_back') AND refund_due_at IS NULL))
   AND NOT EXISTS (SELECT FROM switch.part_refund AS r
                    WHERE r.rail = o.rail AND r.ref = o.ref AND o.kind = 'order' AND r.part > o.part_settled AND r.refund <> 'done'
                      AND (r.refund IN ('made', 'sent') OR r.refund_due_at IS NOT NULL))
RETURNING true
