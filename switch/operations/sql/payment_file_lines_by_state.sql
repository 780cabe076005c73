-- payment_file_lines_by_state: lines of the files of payments that have not ended, by state.
SELECT s.state, count(found.state) AS n
FROM (VALUES ('waiting'), ('taken'), ('credited'), ('rejected'), ('cancelled')) AS s (state)
LEFT JOIN (SELECT l.state FROM switch.payment_file AS f JOIN switch.payment_file_line AS l ON l.file = f.id
           WHERE f.state IN ('received', 'sending')) AS found ON found.state = s.state
GROUP BY s.state
