-- add_clearance: a pair of which two people say that it is no hit, until a day.
--   $1 change  $2 payment  $3 comparison  $4 hit  $5 last day  $6 whose payments it concerns; empty: all
INSERT INTO switch.screening_clearance (number, uetr, screening, hit, expires_on, participant) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
