-- inbound_obligation: what is owed for an order of a rail, if it is not settled.
--   $1 UETR
SELECT rail::text, ref, gateway, state, disputed FROM switch.inbound_order
WHERE uetr = $1 AND disputed <> '' AND settled IS NULL ORDER BY kind LIMIT 1
