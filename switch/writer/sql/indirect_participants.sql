-- indirect_participants: banks that are reached over a rail, as the present commands name them.
--   $1 names, each the rail and the id
SELECT trim(i.rail) || ' ' || i.id AS name, i.bic, i.codes, i.gateway, i.payment_minor, i.day_minor
  FROM unnest($1::text[]) AS t (name)
  JOIN switch.indirect_participant AS i ON i.rail = left(t.name, 2) AND i.id = substr(t.name, 4)
 WHERE (i.until IS NULL OR i.until >= (clock_timestamp() AT TIME ZONE 'UTC')::date) -- the worker knows the rail's clock
