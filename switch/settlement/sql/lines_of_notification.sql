-- lines_of_notification: lines that a notification is about, among those that its agent was instructed to settle.
--   $1 agent  $2 UETR of a line, or null for all lines of the message  $3 message id
SELECT l.settlement_window AS window, l.participant FROM switch.settlement_line AS l
JOIN switch.settlement AS s USING (settlement_window)
LEFT JOIN switch.settlement_agent AS a USING (currency)
WHERE coalesce(s.agent, a.agent) = $1
  AND (($2::uuid IS NOT NULL AND l.id = $2) OR ($2::uuid IS NULL AND s.message_id = $3))
