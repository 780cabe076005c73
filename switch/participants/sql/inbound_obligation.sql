-- inbound_obligation: what is owed for an order of a rail, if it is not settled.
--   $1 UETR
-- `refunding`: our refund over the rail is under way, and may be executed.
SELECT rail::text, ref, gateway, state, disputed,
       refund IN ('made', 'sent') OR (refund <> '' AND refund_due_at IS NOT NULL)
       OR EXISTS (SELECT FROM switch.part_refund AS r
                   WHERE r.rail = o.rail AND r.ref = o.ref AND o.kind = 'order' AND r.part > o.part_settled AND r.refund <> 'done'
                     AND (r.refund IN ('made', 'sent') OR r.refund_due_at IS NOT NULL)) AS refunding
FROM switch.inbound_order AS o
WHERE uetr = $1 AND disputed <> '' AND settled IS NULL ORDER BY kind LIMIT 1
