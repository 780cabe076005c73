-- tightening: what two people have tightened of a rail's profile.
--   $1 country
SELECT minimum_minor, maximum_minor, hours_from, hours_to, fee_max_bps FROM switch.rail WHERE country = $1
