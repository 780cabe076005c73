-- set_restore_rail_read: open a rail again if all of its files of the time that a restore lost are read.
--   $1 rail
UPDATE switch.restore_rail AS r
   SET read_at = clock_timestamp()
 WHERE r.rail = $1 AND r.read_at IS NULL
   AND NOT EXISTS (
       SELECT FROM generate_series(r.since, r.until, interval '1 day') AS day
        WHERE NOT EXISTS (SELECT FROM switch.rail_cycle AS c WHERE c.rail = r.rail AND c.cycle = day::date))
RETURNING r.since, r.until
