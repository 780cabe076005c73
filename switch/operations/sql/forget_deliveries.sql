-- forget_deliveries: delete webhook deliveries made before an instant, the oldest first.
--   $1 instant  $2 limit
-- A delivery that its receiver requested again is due now, so it is kept whatever its age.
DELETE FROM switch.webhook_delivery AS d USING (
    SELECT webhook, seq FROM switch.webhook_delivery
    WHERE made_at < $1 AND (due_at IS NULL OR due_at < $1) ORDER BY made_at LIMIT $2
) AS old
WHERE d.webhook = old.webhook AND d.seq = old.seq
