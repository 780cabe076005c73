-- investigation_of_people: an open investigation that people may answer.
--   $1 id
SELECT uetr::text AS uetr, asker, name, type, state FROM switch.investigation
WHERE id = $1 AND ended_at IS NULL AND state IN ('asked', 'people')
