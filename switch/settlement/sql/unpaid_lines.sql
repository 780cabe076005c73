-- unpaid_lines: unpaid lines of settlements, and the countries of each settlement.
--   $1 windows
SELECT l.settlement_window AS window, l.participant, p.country::text AS country, l.state, l.carried_to,
       l.net_minor + l.carried_minor AS minor,
       (SELECT array_agg(DISTINCT other.country::text) FROM switch.settlement_line AS every
          JOIN switch.participant AS other ON other.id = every.participant
         WHERE every.settlement_window = l.settlement_window) AS countries
FROM switch.settlement_line AS l JOIN switch.participant AS p ON p.id = l.participant
WHERE l.settlement_window = ANY($1) AND l.state IN ('HELD', 'CARRIED') ORDER BY 1, 2
