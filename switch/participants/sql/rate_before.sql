-- rate_before: the rate in force a period earlier; if there was none, the first one since.
--   $1 source  $2 target  $3 instant, or none for now  $4 period
SELECT rate::text FROM switch.fx_rate
WHERE source = $1 AND target = $2 AND valid_from <= greatest(clock_timestamp(), $3)
ORDER BY valid_from <= greatest(clock_timestamp(), $3) - $4::interval DESC,
         CASE WHEN valid_from <= greatest(clock_timestamp(), $3) - $4::interval THEN valid_from END DESC,
         valid_from
LIMIT 1
