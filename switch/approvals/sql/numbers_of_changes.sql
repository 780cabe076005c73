-- numbers_of_changes: the numbers of changes, newest first.
--   $1 state, or none for all  $2 numbers below, or none for all  $3 maximum rows  $4 maker, or none for all
--   $5 one seat as JSON: changes with this seat too  $6 and $7 requested from and before, or none for all
SELECT number FROM switch.change
WHERE ($6::timestamptz IS NULL OR requested_at >= $6) AND ($7::timestamptz IS NULL OR requested_at < $7)
  AND ($1::text IS NULL OR state = $1) AND ($2::bigint IS NULL OR number < $2) AND ($4::text IS NULL OR maker = $4 OR seats @> $5::jsonb)
ORDER BY number DESC LIMIT $3
