-- deliveries: deliveries of a webhook, newest first.
--   $1 webhook  $2 whether only undelivered ones  $3 maximum rows  $4 numbers below, or none for all
SELECT * FROM switch.webhook_delivery
WHERE webhook = $1 AND (NOT $2 OR done_at IS NULL) AND ($4::bigint IS NULL OR seq < $4)
ORDER BY seq DESC LIMIT $3
