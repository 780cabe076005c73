-- tighten_rail: set all that is tightened of a rail's profile; NULL: as the adapter states it.
--   $1 country  $2 smallest and  $3 largest credited amount, minor units  $4 from and  $5 until, by the rail's clock
--   $6 largest fee, basis points
UPDATE switch.rail
   SET minimum_minor = $2, maximum_minor = $3, hours_from = $4, hours_to = $5, fee_max_bps = $6
 WHERE country = $1
