-- end_delivery: record the last attempt of a delivery.
--   $1 webhook  $2 sequence number of the event  $3 status  $4 detail  $5 microseconds  $6 whether delivered
UPDATE switch.webhook_delivery
SET attempts = attempts + 1, status = $3, detail = $4, micros = $5, due_at = NULL,
    done_at = CASE WHEN $6 THEN clock_timestamp() END
WHERE webhook = $1 AND seq = $2
