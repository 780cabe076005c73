-- window_changes: changes about a settlement window, newest first.
--   $1 window  $2 kinds  $3 limit
SELECT number FROM switch.change
WHERE kind = ANY ($2) AND (content::jsonb ->> 'window')::bigint = $1 ORDER BY number DESC LIMIT $3
