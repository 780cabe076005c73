-- investigation_named: the investigation of a bank, by the bank's own name for it.
--   $1 asker  $2 name
SELECT * FROM switch.investigation WHERE asker = $1 AND name = $2
