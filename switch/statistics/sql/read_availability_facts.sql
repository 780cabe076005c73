-- read_availability_facts: what probes of services found, by step of time.
--   $1 span  $2 from  $3 before  $4 country whose rail alone is seen, or null for all rails  $5 step of time
SELECT date_trunc($5, at, 'UTC') AS at, service, sum(probes)::bigint AS probes, sum(failed)::bigint AS failed,
       sum(observed_us)::bigint AS observed_us, sum(down_us)::bigint AS down_us
  FROM switch.availability_fact
 WHERE span = $1 AND at >= $2 AND at < $3
   AND ($4::text IS NULL OR service NOT LIKE 'rail-%' OR service = 'rail-' || $4)
 GROUP BY 1, 2
 ORDER BY 2, 1
