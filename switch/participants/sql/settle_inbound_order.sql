-- settle_inbound_order: two people ended what is owed for an order; not while our refund over the rail is under way.
--   $1 UETR  $2 change
UPDATE switch.inbound_order SET settled = $2
 WHERE uetr = $1 AND disputed <> '' AND settled IS NULL
   AND (refund IN ('', 'left') OR (refund IN ('refused', 'unknown', 'given_back') AND refund_due_at IS NULL))
RETURNING true
