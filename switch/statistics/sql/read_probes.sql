-- read_probes: what probes of services found, by step of time, from the probes themselves: for short periods until now.
--   $1 from  $2 before  $3 country whose rail alone is seen, or null for all rails  $4 length of a step
-- A probe counts where it was made, until the next one, for at most three times its interval, as in availability_facts.sql.
WITH counted AS (
    SELECT service, at, ok,
           least(coalesce(lead(at) OVER (PARTITION BY service ORDER BY at), $2), at + every_s * interval '3 seconds') - at
               AS stood
      FROM switch.probe
     WHERE at >= $1 AND at < $2
       AND ($3::text IS NULL OR service NOT LIKE 'rail-%' OR service = 'rail-' || $3)
)
SELECT date_bin($4, at, 'epoch') AS at, service, count(*) AS probes, count(*) FILTER (WHERE NOT ok) AS failed,
       sum((extract(epoch FROM stood) * 1000000)::bigint)::bigint AS observed_us,
       coalesce(sum((extract(epoch FROM stood) * 1000000)::bigint) FILTER (WHERE NOT ok), 0)::bigint AS down_us
  FROM counted
 GROUP BY 1, 2
 ORDER BY 2, 1
