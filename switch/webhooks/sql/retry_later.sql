-- retry_later: record a failed attempt of a delivery, which is due again later.
--   $1 webhook  $2 sequence number of the event  $3 status  $4 detail  $5 microseconds  $6 pause
UPDATE switch.webhook_delivery
SET attempts = attempts + 1, status = $3, detail = $4, micros = $5, due_at = clock_timestamp() + $6
WHERE webhook = $1 AND seq = $2
