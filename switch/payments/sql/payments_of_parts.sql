-- payments_of_parts: the payments of which sets of the ledger return a part.
--   $1 ids of sets
SELECT x.id, t.id AS uetr FROM switch.part_return AS x JOIN ledger.transfer AS t ON t.number = x.payment WHERE x.id = ANY($1::uuid[])
