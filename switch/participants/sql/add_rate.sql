-- add_rate: insert an exchange rate.
--   $1 source  $2 target  $3 provider  $4 rate as text  $5 start, or none for now
INSERT INTO switch.fx_rate (source, target, provider, rate, valid_from)
VALUES ($1, $2, $3, $4::text::numeric, coalesce($5, clock_timestamp()))
