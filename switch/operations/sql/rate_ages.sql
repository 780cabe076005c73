-- rate_ages: seconds since the rate of each corridor came into force; 0 if the corridor is closed.
SELECT c.source || '-' || c.target AS corridor,
       max(CASE WHEN c.enabled THEN extract(epoch FROM clock_timestamp() - r.valid_from) ELSE 0 END)::float8 AS age
FROM switch.corridor AS c
JOIN switch.window_schedule AS s ON s.country = c.source
JOIN switch.window_schedule AS t ON t.country = c.target
CROSS JOIN LATERAL (
    SELECT valid_from FROM switch.fx_rate
     WHERE source = s.currency AND target = t.currency AND valid_from <= clock_timestamp()
     ORDER BY valid_from DESC LIMIT 1
) AS r
GROUP BY c.source, c.target
