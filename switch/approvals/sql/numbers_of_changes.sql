-- numbers_of_changes: the numbers of changes, newest first.
--   $1 state, or none for all  $2 numbers below, or none for all  $3 maximum rows  $4 maker, or none for all
--   $5 one seat as JSON: changes with this seat too
SELECT number FROM switch.change
WHERE ($1::text IS NULL OR state = $1) AND ($2::bigint IS NULL OR number < $2) AND ($4::text IS NULL OR maker = $4 OR seats @> $5::jsonb)
ORDER BY number DESC LIMIT $3
