-- close_corridors: close the open corridors of a country.
--   $1 country  $2 whether those into it  $3 whether those out of it
UPDATE switch.corridor SET enabled = false
WHERE enabled AND (($2 AND target = $1) OR ($3 AND source = $1))
