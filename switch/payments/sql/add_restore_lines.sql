-- add_restore_lines: keep the orders of a file that a restore lost: the rail knows them, and the switch does not.
--   $1 rail  $2 cycle
INSERT INTO switch.restore_line (rail, ref, uetr, cycle, done, code, minor)
SELECT l.rail, l.ref, l.uetr, l.cycle, l.done, l.code, l.minor
  FROM switch.rail_cycle_line AS l
 WHERE l.rail = $1 AND l.cycle = $2 AND l.uetr IS NOT NULL
   AND EXISTS (SELECT FROM switch.restore_rail AS r WHERE r.rail = l.rail AND l.cycle BETWEEN r.since AND r.until)
   AND NOT EXISTS (SELECT FROM ledger.transfer AS t WHERE t.id = l.uetr)
ON CONFLICT (rail, ref) DO UPDATE SET done = excluded.done, code = excluded.code, minor = excluded.minor
