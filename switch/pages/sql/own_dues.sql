-- own_dues: what a participant has to pay for windows that are closed, oldest first; positive minor units.
--   $1 participant
WITH line AS (
    SELECT l.settlement_window, l.state, l.net_minor, l.carried_minor
    FROM switch.settlement AS s JOIN switch.settlement_line AS l USING (settlement_window)
    WHERE l.participant = $1 AND s.state NOT IN ('SETTLED', 'ABORTED') AND l.state IN ('DUE', 'INSTRUCTED')
    UNION ALL
    SELECT l.settlement_window, l.state, l.net_minor, l.carried_minor
    FROM switch.settlement_line AS l WHERE l.participant = $1 AND l.state = 'HELD'
)
SELECT l.settlement_window AS window, s.currency::text AS currency, s.value_date, l.state,
       s.state = 'ABORTED' AS aborted, -(l.net_minor + l.carried_minor) AS minor,
       greatest(-l.carried_minor, 0) AS carried_minor, coalesce(p.name, '') AS agent
FROM line AS l
JOIN switch.settlement AS s USING (settlement_window)
LEFT JOIN switch.settlement_agent AS a ON a.currency = s.currency
LEFT JOIN switch.participant AS p ON p.id = a.agent
WHERE l.net_minor + l.carried_minor < 0 ORDER BY 1
