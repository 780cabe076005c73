-- decide_inbound_lookup: what is promised to a look-up; what came is not needed any more.
--   $1 id  $2 quote, or NULL  $3 keyed account of the payee
UPDATE switch.inbound_lookup SET decided_at = clock_timestamp(), request = '', quote = $2, payee = $3
WHERE id = $1 AND decided_at IS NULL
