-- changes_of_case: the requested changes about a subject.
--   $1 kinds of changes  $2 what their contents state, as JSON  $3 requested since; NULL: at any time
SELECT number, kind, state, maker, requested_at FROM switch.change
WHERE kind = ANY($1::text[]) AND content::jsonb @> $2::jsonb
  AND ($3::timestamptz IS NULL OR requested_at >= $3) ORDER BY number
