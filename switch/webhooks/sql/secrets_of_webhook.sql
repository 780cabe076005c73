-- secrets_of_webhook: when the present secret was made, and until when the one before it signs.
--   $1 webhook
SELECT max(made_at) FILTER (WHERE until IS NULL), max(until) FILTER (WHERE until > clock_timestamp())
FROM switch.webhook_secret WHERE webhook = $1
