-- add_screening_engine: the outside engine that is asked from an instant on; a sandbox does not wait so long.
--   $1 change  $2 form  $3 address  $4 threshold  $5 milliseconds  $6 seconds until then
INSERT INTO switch.screening_engine (number, form, address, threshold, within_ms, in_force_from)
SELECT $1, $2, $3, $4, $5, clock_timestamp() + CASE WHEN i.sandbox THEN 1 ELSE $6::float8 END * interval '1 second'
FROM switch.installation AS i
ON CONFLICT (number) DO UPDATE SET number = excluded.number RETURNING in_force_from
