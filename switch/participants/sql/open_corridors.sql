-- open_corridors: open corridors of a country.
--   $1 country  $2 whether those into it  $3 whether those out of it
SELECT source::text, target::text FROM switch.corridor
WHERE enabled AND (($2 AND target = $1) OR ($3 AND source = $1)) ORDER BY source, target
