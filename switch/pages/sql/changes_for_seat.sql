-- changes_for_seat: changes that are requested and have a seat of this kind, newest first.
--   $1 seat  $2 at most so many
SELECT number FROM switch.change WHERE state = 'requested' AND seats @> $1::text::jsonb
ORDER BY number DESC LIMIT $2
