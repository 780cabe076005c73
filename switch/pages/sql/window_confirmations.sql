-- window_confirmations: confirmations of the agent of a currency since an instant.
--   $1 currency  $2 instant  $3 limit
SELECT c.sha256, c.agent, c.message, c.body, c.received_at
FROM switch.settlement_confirmation AS c
JOIN switch.settlement_agent AS a ON a.agent = c.agent AND a.currency = $1
WHERE c.received_at >= $2 ORDER BY c.received_at LIMIT $3
