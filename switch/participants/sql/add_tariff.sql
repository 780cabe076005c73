-- add_tariff: a new row, and its number.
--   $1 and $2 countries  $3 component  $4 direction  $5 participant  $6 purpose code  $7 charge bearer, each or null for any
--   $8 smallest amount  $9 first amount that is too large, or null  $10 flat fee  $11 basis points  $12 smallest charge
--   $13 largest charge, or null  $14 valid from  $15 valid until, or null  $16 change
INSERT INTO switch.tariff
    (source, target, component, direction, participant, purpose, bearer, from_minor, below_minor, flat_minor, bps,
     least_minor, most_minor, valid_from, valid_until, change)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
RETURNING number
