-- held_lines: for each participant, its settlement lines that are neither paid nor carried; those of a window
-- that people have aborted are nobody's default.
SELECT p.id AS participant,
       (SELECT count(*) FROM switch.settlement_line AS l JOIN switch.settlement AS s USING (settlement_window)
         WHERE l.participant = p.id AND l.state = 'HELD' AND s.state <> 'ABORTED') AS lines
FROM switch.participant AS p
