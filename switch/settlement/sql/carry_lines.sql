-- carry_lines: mark the held lines of a currency as carried to a window, and return their amounts.
--   $1 currency  $2 window
-- One statement selects and marks the carried lines: a line cannot be both paid late and carried.
UPDATE switch.settlement_line AS l SET state = 'CARRIED', carried_to = $2, changed_at = clock_timestamp()
FROM switch.settlement AS s
WHERE s.settlement_window = l.settlement_window AND l.state = 'HELD' AND s.currency = $1
RETURNING l.participant, l.net_minor + l.carried_minor AS minor
