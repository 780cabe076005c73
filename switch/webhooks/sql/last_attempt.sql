-- last_attempt: the newest delivery of a webhook that was attempted.
--   $1 webhook
SELECT * FROM switch.webhook_delivery WHERE webhook = $1 AND attempts > 0
ORDER BY made_at DESC, seq DESC LIMIT 1
