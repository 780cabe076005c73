-- takes_orders: whether a participant is the gateway of a rail whose orders are taken, or under way.
--   $1 participant
SELECT true FROM switch.rail_inbound AS r WHERE r.gateway = $1
   AND (r.open OR EXISTS (SELECT FROM switch.inbound_order AS o WHERE o.rail = r.rail AND o.due_at IS NOT NULL))
