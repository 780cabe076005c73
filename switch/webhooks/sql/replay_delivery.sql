-- replay_delivery: make one delivery due now, with all attempts.
--   $1 webhook  $2 sequence number of the event
UPDATE switch.webhook_delivery SET due_at = clock_timestamp(), attempts = 0
WHERE webhook = $1 AND seq = $2 RETURNING seq
