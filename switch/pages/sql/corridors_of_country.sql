-- corridors_of_country: the corridors from and to a country.
--   $1 country
SELECT source::text, target::text, enabled, settlement FROM switch.corridor
WHERE $1 IN (source, target) ORDER BY source, target
