-- changes_for_seat: requested changes that have a seat of this kind, newest first.
--   $1 seat  $2 limit
SELECT number FROM switch.change WHERE state = 'requested' AND seats @> $1::text::jsonb
ORDER BY number DESC LIMIT $2
