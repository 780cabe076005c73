-- probes: results of each service's probes between two instants.
--   $1 since  $2 until
-- A probe counts until the next one, for at most three times its interval; time after that is not observed.
-- Consecutive failed probes are one incident.
WITH looks AS (
    SELECT service, at, ok, micros, every_s,
           least(coalesce(lead(at) OVER w, $2), at + every_s * interval '3 seconds', $2) - at AS stood,
           lag(ok) OVER w AS before
      FROM switch.probe
     WHERE at >= $1 AND at < $2
    WINDOW w AS (PARTITION BY service ORDER BY at)
), numbered AS (
    SELECT looks.*, count(*) FILTER (WHERE NOT ok AND before IS NOT FALSE) OVER (PARTITION BY service ORDER BY at) AS incident
      FROM looks
), incidents AS (
    SELECT service, incident, min(at) AS began, max(at + stood) AS ended
      FROM numbered WHERE NOT ok GROUP BY service, incident
)
SELECT service, count(*) AS looks, count(*) FILTER (WHERE NOT ok) AS failed,
       sum(stood) AS observed,
       coalesce(sum(stood) FILTER (WHERE NOT ok), interval '0') AS down,
       percentile_disc(0.99) WITHIN GROUP (ORDER BY micros) FILTER (WHERE ok) AS p99_micros,
       (SELECT count(*) FROM incidents AS i WHERE i.service = numbered.service) AS incidents,
       (SELECT max(ended - began) FROM incidents AS i WHERE i.service = numbered.service) AS longest
  FROM numbered
 GROUP BY service
 ORDER BY service;
