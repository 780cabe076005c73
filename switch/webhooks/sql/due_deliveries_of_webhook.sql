-- due_deliveries_of_webhook: the due deliveries of an enabled webhook, those due longest first.
--   $1 webhook  $2 maximum rows
-- The secrets are sealed. A delivery waits for the earlier ones of the same subject, so the events of a payment arrive in order.
SELECT d.webhook, d.seq, d.body, d.attempts, w.url,
       ARRAY(SELECT s.secret FROM switch.webhook_secret AS s
             WHERE s.webhook = w.id AND (s.until IS NULL OR s.until > clock_timestamp())
             ORDER BY s.made_at DESC) AS secrets
FROM switch.webhook_delivery AS d JOIN switch.webhook AS w ON w.id = d.webhook
WHERE d.webhook = $1 AND d.due_at <= clock_timestamp() AND w.disabled = ''
  AND (d.subject = '' OR NOT EXISTS (
      SELECT FROM switch.webhook_delivery AS b
      WHERE b.webhook = d.webhook AND b.subject = d.subject AND b.seq < d.seq AND b.due_at IS NOT NULL
  ))
ORDER BY d.due_at, d.seq LIMIT $2
