-- settle_inbound_order: two people ended what is owed for an order.
--   $1 UETR  $2 change
UPDATE switch.inbound_order SET settled = $2 WHERE uetr = $1 AND disputed <> '' AND settled IS NULL
