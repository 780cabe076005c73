-- add_fixing: add a fixing; a repetition changes nothing.
--   $1 change  $2 country  $3 source  $4 target  $5 provider  $6 rate as text  $7 start, or none for now  $8 end
INSERT INTO switch.fx_fixing (change, country, source, target, provider, rate, valid_from, valid_until)
VALUES ($1, $2, $3, $4, $5, $6::text::numeric, coalesce($7, clock_timestamp()), $8)
ON CONFLICT (change) DO NOTHING
