-- add_delivery_of_event: create the delivery of an event, unless it exists.
--   $1 webhook  $2 sequence number of the event  $3 body  $4 subject, before whose later events it arrives
INSERT INTO switch.webhook_delivery (webhook, seq, body, subject) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
