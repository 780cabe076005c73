-- watch_uses: what was counted under some keys.
--   $1 keys
SELECT key, day, count, seen FROM switch.watch_use WHERE key = ANY($1)
