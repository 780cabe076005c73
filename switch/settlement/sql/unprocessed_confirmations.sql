-- unprocessed_confirmations: confirmations that a crash left unprocessed, the oldest first.
--   $1 minimum age, seconds
SELECT sha256, agent, body, media_type FROM switch.settlement_confirmation
WHERE taken_at IS NULL AND received_at < clock_timestamp() - make_interval(secs => $1)
ORDER BY received_at LIMIT 100
