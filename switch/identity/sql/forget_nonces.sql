-- forget_nonces: delete the oldest nonces that need not be stored any more.
--   $1 maximum rows
DELETE FROM switch.used_nonce WHERE id IN (
    SELECT id FROM switch.used_nonce WHERE until < clock_timestamp() ORDER BY until LIMIT $1
)
