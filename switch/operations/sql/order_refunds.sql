-- order_refunds: our orders to a rail that refund payers of its orders, in full or by parts.
--   $1 rail
SELECT refund_uetr, refund, refund_minor, refund_back_minor, settled FROM switch.inbound_order WHERE rail = $1 AND refund_ref <> ''
UNION ALL
SELECT r.refund_uetr, r.refund, r.refund_minor, r.refund_back_minor, CASE WHEN r.part <= o.part_settled THEN 1 END
FROM switch.part_refund AS r JOIN switch.inbound_order AS o ON o.rail = r.rail AND o.kind = 'order' AND o.ref = r.ref
WHERE r.rail = $1 AND r.refund_ref <> ''
