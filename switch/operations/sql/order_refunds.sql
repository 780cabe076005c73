-- order_refunds: our orders to a rail that refund payers of its orders.
--   $1 rail
SELECT refund_uetr, refund, refund_minor, refund_back_minor, settled FROM switch.inbound_order WHERE rail = $1 AND refund_ref <> ''
