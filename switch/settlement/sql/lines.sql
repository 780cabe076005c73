-- lines: the lines of a settlement, by participant.
--   $1 window  $2 participant, or null for all
SELECT l.participant, p.country::text AS country, p.bic, l.account, l.net_minor, l.carried_minor,
       l.state, l.id, l.transfer, l.reason, l.changed_at, l.carried_to
FROM switch.settlement_line AS l JOIN switch.participant AS p ON p.id = l.participant
WHERE l.settlement_window = $1 AND ($2::text IS NULL OR l.participant = $2) ORDER BY l.participant
