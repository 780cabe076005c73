-- own_key_changes: changes of a participant's keys, newest first.
--   $1 kinds  $2 participant  $3 limit
SELECT number FROM switch.change
WHERE kind = ANY($1) AND content::jsonb ->> 'participant' = $2 ORDER BY number DESC LIMIT $3
