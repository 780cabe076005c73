-- inbound_rails: who takes the orders of each rail, and whether a refund of one was ever ordered over the rail.
SELECT r.rail::text, r.gateway, r.open, r.purpose,
       EXISTS (SELECT FROM switch.inbound_order AS o WHERE o.rail = r.rail AND o.refund_ref <> '')
       OR EXISTS (SELECT FROM switch.part_refund AS p WHERE p.rail = r.rail AND p.refund_ref <> '') AS refunded
  FROM switch.rail_inbound AS r;
