-- save_view: keep the filters of a list under a name, in place of those that had it; nothing if the person keeps enough.
--   $1 person  $2 path of the list  $3 name  $4 query  $5 maximum views of the list
INSERT INTO switch.saved_view (person, page, name, query)
SELECT $1, $2, $3, $4
WHERE (SELECT count(*) FROM switch.saved_view AS v WHERE v.person = $1 AND v.page = $2 AND v.name <> $3) < $5
ON CONFLICT (person, page, name) DO UPDATE SET query = excluded.query
RETURNING number
