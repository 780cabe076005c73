-- restore_cycles: days whose files a rail still has to give because a restore lost what it did.
--   $1 rail
SELECT day::date AS cycle
  FROM switch.restore_rail AS r, generate_series(r.since, r.until, interval '1 day') AS day
 WHERE r.rail = $1 AND r.read_at IS NULL
   AND NOT EXISTS (SELECT FROM switch.rail_cycle AS c WHERE c.rail = r.rail AND c.cycle = day::date)
 ORDER BY 1
