-- add_delivery_of_event: create the delivery of an event, unless it exists.
--   $1 webhook  $2 sequence number of the event  $3 body
INSERT INTO switch.webhook_delivery (webhook, seq, body) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
