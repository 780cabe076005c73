-- order_of_payment: the order of a rail of which a payment was made, and what the rail was told.
--   $1 UETR
SELECT rail::text, ref, state, told_at, CASE WHEN settled IS NULL THEN disputed ELSE '' END AS disputed,
       refund, refund_ref, refund_detail, refund_changed_at
FROM switch.inbound_order WHERE uetr = $1 AND kind = 'order'
