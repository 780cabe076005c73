-- carried_debts: what participants did not pay in windows and owe in a later one, which has not settled it yet.
--   $1 limit
-- `windows` are those that were not paid, oldest first; a window that people aborted is nobody's default, but its
-- lines may have debts of earlier ones. A line that is not paid again is not among these:
-- `windows_with_held_lines` finds it.
WITH RECURSIVE pending AS (
    SELECT l.settlement_window AS due_in, l.participant, l.state, l.net_minor + l.carried_minor AS minor,
           l.carried_minor
    FROM switch.settlement AS s JOIN switch.settlement_line AS l USING (settlement_window)
    WHERE (s.state NOT IN ('SETTLED', 'ABORTED') AND l.state IN ('DUE', 'INSTRUCTED'))
       OR (s.state = 'ABORTED' AND l.state = 'HELD')
), debt AS (
    SELECT due_in, participant, state, minor, carried_minor, due_in AS part, false AS unpaid
    FROM pending WHERE carried_minor < 0 AND minor < 0
    UNION ALL
    SELECT d.due_in, d.participant, d.state, d.minor, d.carried_minor, l.settlement_window,
           s.state <> 'ABORTED' AND l.net_minor + l.carried_minor < 0
    FROM debt AS d
    JOIN switch.settlement_line AS l ON l.carried_to = d.part AND l.participant = d.participant
    JOIN switch.settlement AS s USING (settlement_window)
)
SELECT d.due_in AS window, d.participant, p.country::text AS country, w.currency::text AS currency, d.state, d.minor,
       d.carried_minor, array_agg(DISTINCT d.part) FILTER (WHERE d.unpaid) AS windows,
       (SELECT array_agg(DISTINCT other.country::text) FROM switch.settlement_line AS every
          JOIN switch.participant AS other ON other.id = every.participant
         WHERE every.settlement_window = d.due_in) AS countries
FROM debt AS d
JOIN switch.participant AS p ON p.id = d.participant
JOIN ledger.settlement_window AS w ON w.number = d.due_in
GROUP BY d.due_in, d.participant, p.country, w.currency, d.state, d.minor, d.carried_minor
HAVING bool_or(d.unpaid)
ORDER BY d.due_in, d.participant LIMIT $1
