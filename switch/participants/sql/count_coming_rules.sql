-- count_coming_rules: how many rules of a corridor wait for their instant.
--   $1 source  $2 target
SELECT count(*) FROM switch.corridor_rules WHERE source = $1 AND target = $2 AND valid_from > clock_timestamp()
