-- add_cycle: record that the file of an ended cycle was read.
--   $1 rail  $2 cycle  $3 number of lines
INSERT INTO switch.rail_cycle (rail, cycle, lines) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
