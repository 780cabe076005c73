-- unprocessed_confirmations: confirmations to process, the oldest first.
SELECT sha256, agent, body, media_type FROM switch.settlement_confirmation
WHERE taken_at IS NULL ORDER BY received_at LIMIT 100
