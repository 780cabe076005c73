-- lists_late: since when sanctions lists are in force of which nobody has kept an index, and the change that set them; no
-- row: the index is there.
--   $1 what it must be made with
SELECT s.number, extract(epoch FROM clock_timestamp() - s.in_force_from)::float8 AS age
FROM (
    SELECT number, lists, in_force_from FROM switch.screening_set WHERE in_force_from <= clock_timestamp()
    ORDER BY in_force_from DESC, number DESC LIMIT 1
) AS s
WHERE s.lists <> '{}'
  AND NOT EXISTS (SELECT FROM switch.screening_tables AS t WHERE t.number = s.number AND t.made_with = $1)
