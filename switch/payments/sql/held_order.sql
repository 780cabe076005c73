-- held_order: the order of a rail of which a payment was made that is not in the books yet.
--   $1 UETR  $2 fingerprint of the payment
SELECT rail::text AS order_rail, ref AS order_ref, state AS order_state, told_at AS order_told_at, refund,
       disputed AS owed
FROM switch.inbound_order WHERE uetr = $1 AND kind = 'order' AND fingerprint = $2
