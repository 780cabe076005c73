-- breaks: reconciliation breaks with their age in seconds, oldest first.
--   $1 whether resolved ones too  $2 rail, or none for all  $3 numbers above  $4 maximum rows
--   $5 and $6 found since and before, or none
SELECT *, extract(epoch FROM coalesce(resolved_at, clock_timestamp()) - found_at)::float8 AS age_s
FROM switch.reconciliation_break
WHERE ($1 OR resolved_at IS NULL) AND ($2::text IS NULL OR rail = $2) AND id > $3
  AND ($5::timestamptz IS NULL OR found_at >= $5) AND ($6::timestamptz IS NULL OR found_at < $6)
ORDER BY id LIMIT $4::bigint
