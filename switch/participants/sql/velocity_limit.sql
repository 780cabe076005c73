-- velocity_limit: one velocity limit; null is none.
--   $1 scope  $2 participant, or *  $3 currency
SELECT hour_count, hour_minor, day_count, day_minor FROM switch.velocity_limit
WHERE scope = $1 AND participant = $2 AND currency = $3
