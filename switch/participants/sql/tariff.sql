-- tariff: one, whenever it was in force.
--   $1 number
SELECT number, source::text, target::text, component, direction, coalesce(participant, '') AS participant,
       coalesce(purpose, '') AS purpose, coalesce(bearer, '') AS bearer, from_minor, below_minor, flat_minor, bps,
       least_minor, most_minor,
       (extract(epoch FROM valid_from) * 1000000)::bigint AS valid_from,
       (extract(epoch FROM valid_until) * 1000000)::bigint AS valid_until
FROM switch.tariff
WHERE number = $1
