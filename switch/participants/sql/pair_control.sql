-- pair_control: what a central bank has decided on a pair, if it is in force.
--   $1 source  $2 target  $3 country
SELECT CASE WHEN blocked THEN 'blocked' WHEN lowest <> '' OR highest <> '' THEN 'bounded' ELSE 'open' END AS control,
       lowest, highest, valid_until
FROM switch.pair_control
WHERE source = $1 AND target = $2 AND country = $3 AND (valid_until IS NULL OR valid_until > clock_timestamp())
