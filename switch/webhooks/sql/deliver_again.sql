-- deliver_again: make the deliveries of later events due now.
--   $1 webhook  $2 numbers above  $3 whether only undelivered ones
UPDATE switch.webhook_delivery SET due_at = clock_timestamp(), attempts = 0
WHERE webhook = $1 AND seq > $2 AND seq > 0 AND (NOT $3 OR done_at IS NULL)
