-- change_webhook: change what is given of a webhook, and leave the rest as it is.
--   $1 webhook  $2 URL or NULL  $3 types or NULL  $4 why it is disabled, empty to enable it, or NULL
UPDATE switch.webhook
SET url = coalesce($2, url), types = coalesce($3, types), disabled = coalesce($4, disabled)
WHERE id = $1 RETURNING *
