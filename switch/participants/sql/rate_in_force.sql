-- rate_in_force: the rate of a pair that is in force, and its provider.
--   $1 source  $2 target
SELECT trim_scale(rate)::text AS rate, provider FROM switch.fx_rate
WHERE source = $1 AND target = $2 AND valid_from <= clock_timestamp() ORDER BY valid_from DESC LIMIT 1
