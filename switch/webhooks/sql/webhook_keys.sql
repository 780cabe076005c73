-- webhook_keys: the public keys that sign webhooks, newest first.
--   $1 numbers below, or none for all  $2 maximum rows
SELECT number, public_key, added_at, retired_at FROM switch.webhook_key
WHERE $1::bigint IS NULL OR number < $1 ORDER BY number DESC LIMIT $2
