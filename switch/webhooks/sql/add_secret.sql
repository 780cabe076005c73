-- add_secret: add the secret that signs deliveries of a webhook from now on.
--   $1 webhook  $2 secret, sealed
INSERT INTO switch.webhook_secret (webhook, secret) VALUES ($1, $2)
