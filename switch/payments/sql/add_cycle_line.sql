-- add_cycle_line: store a line of the file of a cycle, in place of an earlier one.
--   $1 rail  $2 cycle  $3 reference  $4 UETR  $5 whether executed  $6 code of the rail  $7 minor units
INSERT INTO switch.rail_cycle_line (rail, cycle, ref, uetr, done, code, minor)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (rail, cycle, ref) DO UPDATE SET done = excluded.done, code = excluded.code, minor = excluded.minor
