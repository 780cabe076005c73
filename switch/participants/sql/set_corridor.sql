-- set_corridor: open or close a corridor; insert a new one.
--   $1 source  $2 target  $3 whether open
INSERT INTO switch.corridor (source, target, enabled) VALUES ($1, $2, $3)
ON CONFLICT (source, target) DO UPDATE SET enabled = excluded.enabled
