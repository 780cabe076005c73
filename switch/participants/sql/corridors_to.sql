-- corridors_to: the corridors to a country, with their fees.
--   $1 target
SELECT source::text AS source, fee_minor, fee_bps FROM switch.corridor WHERE target = $1 ORDER BY source
