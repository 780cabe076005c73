-- due_deliveries_of_webhook: the due deliveries of an enabled webhook, those due longest first.
--   $1 webhook  $2 maximum rows
SELECT d.webhook, d.seq, d.body, d.attempts, w.url
FROM switch.webhook_delivery AS d JOIN switch.webhook AS w ON w.id = d.webhook
WHERE d.webhook = $1 AND d.due_at <= clock_timestamp() AND w.disabled = ''
ORDER BY d.due_at, d.seq LIMIT $2
