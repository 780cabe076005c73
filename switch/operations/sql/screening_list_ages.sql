-- screening_list_ages: seconds since the newest list in force of each publisher was added; 0 if none of its lists is in force.
SELECT l.publisher,
       coalesce(min(extract(epoch FROM clock_timestamp() - l.added_at)) FILTER (WHERE l.number = ANY(s.lists)), 0)::float8 AS age
FROM switch.screening_list AS l
LEFT JOIN (
    SELECT lists FROM switch.screening_set WHERE in_force_from <= clock_timestamp()
    ORDER BY in_force_from DESC, number DESC LIMIT 1
) AS s ON true
GROUP BY l.publisher
