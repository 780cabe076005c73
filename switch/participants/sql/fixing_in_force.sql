-- fixing_in_force: the fixing of a pair that counts now.
--   $1 source  $2 target
SELECT trim_scale(rate)::text AS rate, provider, valid_until FROM switch.fx_fixing
 WHERE source = $1 AND target = $2 AND valid_from <= clock_timestamp() AND valid_until > clock_timestamp()
 ORDER BY change DESC LIMIT 1
