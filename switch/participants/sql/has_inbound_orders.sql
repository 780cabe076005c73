-- has_inbound_orders: whether orders of a rail are not ended yet, or their rail has not acknowledged it.
--   $1 rail
SELECT true FROM switch.inbound_order WHERE rail = $1 AND due_at IS NOT NULL LIMIT 1
