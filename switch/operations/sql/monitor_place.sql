-- monitor_place: the event of the log up to which the outside monitor has the payments; it begins at the present end.
--   $1 the last event
WITH begun AS (
    INSERT INTO switch.monitor (begun, place) VALUES ($1, $1) ON CONFLICT (one) DO NOTHING RETURNING place
)
SELECT place FROM begun UNION ALL SELECT place FROM switch.monitor LIMIT 1
