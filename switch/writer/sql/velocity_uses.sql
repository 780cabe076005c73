-- velocity_uses: what was counted under some keys.
--   $1 keys
SELECT key, hour, hour_count, hour_minor, day, day_count, day_minor FROM switch.velocity_use WHERE key = ANY($1)
