-- erase_orders: the keys of the orders of rails of which these payments were made.
--   $1 numbers of payments
UPDATE switch.inbound_order SET sealed_key = NULL WHERE uetr IN (SELECT id FROM ledger.transfer WHERE number = ANY($1))
