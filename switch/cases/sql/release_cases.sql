-- release_cases: take open cases from people who may no longer work on them.
--   $1 roles that may
UPDATE switch.case_file AS c SET owner = NULL
FROM switch.person AS p
WHERE c.closed_at IS NULL AND p.name = c.owner AND (p.status <> 'active' OR NOT p.role = ANY($1::text[]))
RETURNING c.number, p.name
