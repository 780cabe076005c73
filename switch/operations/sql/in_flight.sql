-- in_flight: number of open payments of each rail by state, and the age of the oldest.
SELECT r.country, s.state, count(o.number) AS n,
       coalesce(extract(epoch FROM clock_timestamp() - min(o.entered_at)), 0)::float8 AS age
FROM switch.rail AS r CROSS JOIN (VALUES ('RESERVED'), ('SENT'), ('UNKNOWN')) AS s (state)
LEFT JOIN switch.open_payment AS o ON o.rail = r.country AND o.state = s.state GROUP BY 1, 2
