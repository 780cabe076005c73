-- availability_facts: what the probes of some hours found, by hour and by day.
--   $1 from this hour on  $2 before this hour; both whole hours
-- A probe counts until the next one, for at most three times its interval, as in reports/sql/probes.sql.
WITH counted AS (
    SELECT p.service, p.at, p.ok,
           least(coalesce(next.at, 'infinity'), p.at + p.every_s * interval '3 seconds') - p.at AS stood
      FROM switch.probe AS p
      LEFT JOIN LATERAL (
          SELECT min(later.at) AS at FROM switch.probe AS later
           WHERE later.service = p.service AND later.at > p.at
      ) AS next ON true
     WHERE p.at >= $1 AND p.at < $2
)
SELECT span, date_trunc(span, at, 'UTC') AS at, service,
       count(*) AS probes, count(*) FILTER (WHERE NOT ok) AS failed,
       sum((extract(epoch FROM stood) * 1000000)::bigint)::bigint AS observed_us,
       coalesce(sum((extract(epoch FROM stood) * 1000000)::bigint) FILTER (WHERE NOT ok), 0)::bigint AS down_us
  FROM counted
 CROSS JOIN (VALUES ('hour'), ('day')) AS s (span)
 GROUP BY 1, 2, 3
