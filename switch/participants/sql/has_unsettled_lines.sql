-- has_unsettled_lines: whether a participant has an unsettled line in a window.
--   $1 participant  $2 currency, or none for all
SELECT true FROM switch.settlement_line AS l JOIN switch.settlement AS s USING (settlement_window)
WHERE l.participant = $1 AND l.state IN ('DUE', 'INSTRUCTED', 'HELD')
  AND ($2::text IS NULL OR s.currency = $2) LIMIT 1
