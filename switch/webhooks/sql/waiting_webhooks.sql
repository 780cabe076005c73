-- waiting_webhooks: the enabled webhooks that have due deliveries.
SELECT w.id, w.participant FROM switch.webhook AS w
WHERE w.disabled = '' AND EXISTS (
    SELECT FROM switch.webhook_delivery AS d WHERE d.webhook = w.id AND d.due_at <= clock_timestamp()
)
