-- carried_into: lines of earlier windows that a window took over, oldest first.
--   $1 window
SELECT l.settlement_window AS window, l.participant, l.net_minor + l.carried_minor AS minor, s.state = 'ABORTED' AS aborted
FROM switch.settlement_line AS l JOIN switch.settlement AS s USING (settlement_window)
WHERE l.carried_to = $1 ORDER BY 1, 2
