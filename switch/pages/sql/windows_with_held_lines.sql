-- windows_with_held_lines: windows with a line that was not settled and is not carried yet, oldest first.
--   $1 limit
SELECT DISTINCT w.number AS window, w.currency::text AS currency, s.state = 'ABORTED' AS aborted
FROM switch.settlement_line AS l
JOIN ledger.settlement_window AS w ON w.number = l.settlement_window
JOIN switch.settlement AS s USING (settlement_window)
WHERE l.state = 'HELD' ORDER BY 1 LIMIT $1
