-- add_screening_set: lists that payments are compared with from an instant on; a sandbox does not wait so long.
--   $1 change  $2 lists  $3 threshold  $4 seconds until then
INSERT INTO switch.screening_set (number, lists, threshold, in_force_from)
SELECT $1, $2, $3, clock_timestamp() + CASE WHEN i.sandbox THEN 1 ELSE $4::float8 END * interval '1 second'
FROM switch.installation AS i
ON CONFLICT (number) DO UPDATE SET number = excluded.number RETURNING in_force_from
