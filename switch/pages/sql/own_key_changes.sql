-- own_key_changes: changes of a participant's keys, and those that it must approve, newest first.
--   $1 kinds  $2 participant  $3 limit  $4 its seat as JSON
SELECT number FROM switch.change
WHERE (kind = ANY($1) AND content::jsonb ->> 'participant' = $2) OR seats @> $4::jsonb
ORDER BY number DESC LIMIT $3
