-- forget_lookups: look-ups of rails that nobody waits for since an instant; what was promised has ended long before.
--   $1 before  $2 how many
DELETE FROM switch.inbound_lookup
WHERE id IN (SELECT id FROM switch.inbound_lookup WHERE waits_until < $1 LIMIT $2)
